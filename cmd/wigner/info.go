package main

import (
	"github.com/spf13/cobra"
	"github.com/wigner-md/wigner/comm"
)

func (a *app) infoCmd() *cobra.Command {
	return &cobra.Command{Use: "info FILE|MODEL"}
}
func (a *app) checkCmd() *cobra.Command { return &cobra.Command{Use: "check"} }
func (a *app) benchCmd() *cobra.Command { return &cobra.Command{Use: "bench"} }
func (a *app) mpiCmd() *cobra.Command { return &cobra.Command{Use: "mpi"} }
func (a *app) dryRun(r *simulation, each func() error, bricks func() int) error { return nil }
func restartBricks(dir string) int { return 0 }
func hybridRun(outer comm.Comm, n []int, f func(c comm.Comm) error) error { panic(0) }
