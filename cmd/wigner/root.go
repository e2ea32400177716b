package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/kernel"
)

// app is what the verbs share.
type app struct {
	out, err io.Writer
	started  bool // a verb's own code runs: errors are no longer cobra's
	mute     bool // this process is not the one that prints
	quiet    bool
	logLevel string
	console  zapcore.Core
	log      *zap.Logger
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wigner",
		Short: "Equivariant interatomic potentials on large crystals, over many ranks",
		Long: `wigner runs molecular dynamics of crystals with equivariant message-passing
potentials, cut into bricks over goroutines, MPI processes, or both.

Exit status: 0 done; 1 failed; 2 wrong usage or input; 75 stopped early by a
signal or the wall time, with a restart written.`,
		Example: `  wigner run configs/silicon.toml --ranks 2
  wigner eval in.extxyz -m sevennet-0 -o out.extxyz
  mpirun -n 4 wigner run configs/silicon.toml`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := kernel.Check(); err != nil {
				return err
			}
			return a.startLog()
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print no tables and notices, only errors and what was asked for")
	root.PersistentFlags().StringVar(&a.logLevel, "log-level", "info", "debug, info, warn or error")
	root.AddCommand(a.runCmd(), a.evalCmd(), a.infoCmd(), a.checkCmd(), a.benchCmd(), a.convertCmd(), a.reportCmd(), a.mpiCmd(), a.relaxCmd(), a.elasticCmd(), a.eosCmd(), a.phononCmd(), a.trainCmd(), a.symmetryCmd())
	return root
}

// verb marks where a verb's own code begins: errors before are of the command
// line.
func (a *app) verb(f func(args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		a.started = true
		return f(args)
	}
}

// versionText is the program's version and what it was built from.
func versionText() string {
	v := "wigner " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				v += " (" + s.Value[:12] + ")"
			}
		}
	}
	return fmt.Sprintf("%s %s/%s %s", v, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// startLog makes the console's log: short lines on standard error.
func (a *app) startLog() error {
	levels := []string{"debug", "info", "warn", "error"}
	level, err := zapcore.ParseLevel(a.logLevel)
	if err != nil || a.logLevel == "" {
		msg := fmt.Sprintf("--log-level %q is not known; it may be %s", a.logLevel, strings.Join(levels, ", "))
		if n := input.Nearest(a.logLevel, levels); n != "" {
			msg += fmt.Sprintf("; did you mean %q?", n)
		}
		return usagef("%s", msg)
	}
	if a.quiet {
		level = zapcore.ErrorLevel
	}
	enc := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		MessageKey: "msg", LevelKey: "level", ConsoleSeparator: " ",
		EncodeLevel: func(l zapcore.Level, e zapcore.PrimitiveArrayEncoder) { e.AppendString("wigner: " + l.String() + ":") },
	})
	a.console = zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(a.err)), level)
	a.log = zap.New(a.console)
	return nil
}

// silence makes this process print nothing more: another one speaks for the job.
func (a *app) silence() {
	a.mute, a.out = true, io.Discard
	a.console = zapcore.NewNopCore()
	a.log = zap.NewNop()
}

// stdout is where tables go that --quiet leaves out.
func (a *app) stdout() io.Writer {
	if a.quiet {
		return io.Discard
	}
	return a.out
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colour wraps text in an ANSI colour where w is a terminal and NO_COLOR is not set.
func colour(w io.Writer, code, text string) string {
	if os.Getenv("NO_COLOR") != "" || !isTerminal(w) {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
