package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm/mpi"
)

func (a *app) mpiCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "mpi",
		Short: "Which MPI was looked for and found, its version, ranks and speed",
		Long: `mpi says which MPI libraries were looked for, which one is in use and, when a
launcher has started it, how many ranks there are and how long messages between
the first and the last of them take. WIGNER_MPI names a library.`,
		Example: `  wigner mpi
  mpirun -n 2 wigner mpi`,
		Args: cobra.NoArgs,
		RunE: a.verb(func([]string) error { return a.mpi() }),
	}
}

func (a *app) mpi() error {
	if _, launched := mpi.Launched(); !launched {
		info, err := mpi.Describe()
		fmt.Fprintln(a.out, info.String())
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out, "No launcher started this process: mpirun -n 2 wigner mpi measures messages.")
		return nil
	}
	return a.processes(func(p *process) error {
		times, err := mpi.PingPong(p.outer)
		if err != nil {
			return err
		}
		if c, ok := p.outer.(*mpi.Comm); ok {
			info := c.Info()
			fmt.Fprintln(a.out, info.String())
		}
		for _, t := range times {
			fmt.Fprintln(a.out, t)
		}
		return nil
	})
}
