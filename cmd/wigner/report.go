package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// reportOptions are report's flags.
type reportOptions struct {
	dir, out string
	serve    bool
	port     int
}

// reportName is the page in the folder.
const reportName = "report.html"

func (a *app) reportCmd() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report RUN_DIR",
		Short: "A page to look at: one HTML file of a run or a property job",
		Long: `report draws what is in a run folder, or in that of relax, elastic, eos, phonon or train, on one HTML page that
needs no other file and no network: the state, thermo.csv, means with errors, the
pair distribution of the last frame, mean square displacements (of an unwrapped
trajectory), what each rank did, every other table, and the configuration.

--serve shows the page on this machine alone, made anew while the run goes on.`,
		Example: `  wigner report runs/silicon
  wigner report runs/silicon -o silicon.html
  wigner report runs/silicon --serve`,
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = a.verb(func(args []string) error {
		o.dir = args[0]
		return a.report(&o)
	})
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "file to write (default report.html in the folder)")
	f.BoolVar(&o.serve, "serve", false, "serve the page on localhost instead of writing it")
	f.IntVar(&o.port, "port", 8270, "of --serve; 0 takes any that is free")
	return cmd
}

func (a *app) report(o *reportOptions) error {
	if info, err := os.Stat(o.dir); err != nil || !info.IsDir() {
		return usagef("%s is not a folder", o.dir)
	}
	if _, err := os.Stat(filepath.Join(o.dir, configName)); errors.Is(err, fs.ErrNotExist) {
		return usagef("%s holds no run: there is no %s in it", o.dir, configName)
	}
	if o.serve {
		if o.out != "" {
			return usagef("--serve writes no file: leave -o out")
		}
		return a.serveReport(o)
	}
	page, err := pageOf(o.dir, 0)
	if err != nil {
		return err
	}
	name := o.out
	if name == "" {
		name = filepath.Join(o.dir, reportName)
	}
	if err := writeFile(name, page); err != nil {
		return usage(err)
	}
	a.log.Info(fmt.Sprintf("%s: %d kB", name, len(page)/1000))
	return nil
}

// refreshEvery is how often a page that is served is made anew, at most.
const refreshEvery = 5 * time.Second

// live is the page of a run that goes on.
type live struct {
	dir  string
	mu   sync.Mutex
	page []byte
	err  error
	made time.Time
}

// ServeHTTP is part of http.Handler.
func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	l.mu.Lock()
	if time.Since(l.made) > refreshEvery {
		l.page, l.err = pageOf(l.dir, refreshEvery)
		l.made = time.Now()
	}
	page, err := l.page, l.err
	l.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	http.ServeContent(w, r, reportName, time.Time{}, bytes.NewReader(page))
}

func (a *app) serveReport(o *reportOptions) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.port))
	if err != nil {
		return usagef("--port %d: %w", o.port, err)
	}
	fmt.Fprintf(a.stdout(), "http://%s/ (Ctrl-C ends)\n", l.Addr())
	s := http.Server{Handler: &live{dir: o.dir}, ReadHeaderTimeout: 10 * time.Second}
	return s.Serve(l)
}
