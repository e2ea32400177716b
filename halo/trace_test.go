package halo

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
)

var update = flag.Bool("update", false, "write the answers of the trace scripts anew")

// TestTraces runs the scripts of testdata. A script is a list of commands, each
// with its answer: what every rank holds, and who sent which atoms to whom.
// testdata/README.md explains the commands.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in testdata: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := replay(string(script))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(script) {
				g, w := strings.Split(got, "\n"), strings.Split(string(script), "\n")
				for i := range g {
					if i >= len(w) || g[i] != w[i] {
						t.Fatalf("%s, line %d: got %q, want %q", file, i+1, g[i], w[min(i, len(w)-1)])
					}
				}
				t.Fatalf("%s: %d lines too many", file, len(w)-len(g))
			}
		})
	}
}

// tracer runs one script.
type tracer struct {
	cell     [3][3]float64
	periodic [3]bool
	grid     [3]int
	cuts     []domain.Cut
	world    *world
	atoms    []*domain.Atoms // by rank
	plans    []*Plan
	mu       sync.Mutex
	sent     []string
}

// replay returns the script with the answers that the code gives now. Answers
// are the lines that begin with a tab.
func replay(script string) (string, error) {
	tr := &tracer{grid: [3]int{1, 1, 1}}
	var out strings.Builder
	lines := bufio.NewScanner(strings.NewReader(script))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.HasPrefix(line, "\t") {
			continue
		}
		fmt.Fprintln(&out, line)
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		answer, err := tr.command(words[0], words[1:])
		if err != nil {
			return "", fmt.Errorf("line %d: %s: %w", n, words[0], err)
		}
		for _, a := range answer {
			fmt.Fprintf(&out, "\t%s\n", a)
		}
	}
	return out.String(), lines.Err()
}

func (tr *tracer) command(name string, args []string) ([]string, error) {
	var numbers []float64
	for _, a := range args {
		if f, err := strconv.ParseFloat(a, 64); err == nil {
			numbers = append(numbers, f)
		}
	}
	if len(numbers) != len(args) {
		return nil, fmt.Errorf("%v are not all numbers", args)
	}
	need := map[string]int{"cell": 9, "periodic": 3, "grid": 3, "cut": 3, "atom": 4, "move": 4, "migrate": 0, "borders": 1, "forward": 0, "reverse": 0, "positions": 0}
	if n, ok := need[name]; !ok || n != len(numbers) {
		return nil, fmt.Errorf("unknown command, or not %d numbers", n)
	}
	switch name {
	case "cell":
		for k, f := range numbers {
			tr.cell[k/3][k%3] = f
		}
	case "periodic":
		for k, f := range numbers {
			tr.periodic[k] = f != 0
		}
	case "grid":
		for k, f := range numbers {
			tr.grid[k] = int(f)
		}
	case "cut":
		return nil, tr.cut(domain.Cut{Axis: int(numbers[0]), At: numbers[1], Below: int(numbers[2])})
	case "atom":
		return nil, tr.add(int64(numbers[0]), [3]float64(numbers[1:]))
	case "move":
		return nil, tr.move(int64(numbers[0]), [3]float64(numbers[1:]))
	case "migrate":
		return tr.run(func(_ comm.Comm, a *domain.Atoms, p *Plan) ([]int64, error) {
			err := p.Migrate(tr.world.part, tr.world.cell, a)
			return a.ID[:a.N], err
		})
	case "borders":
		return tr.run(func(_ comm.Comm, a *domain.Atoms, p *Plan) ([]int64, error) {
			err := p.Rebuild(tr.world.part, tr.world.cell, a, numbers[0])
			return a.ID[a.Ghost0:], err
		})
	case "forward": // the features are the IDs
		return tr.run(func(_ comm.Comm, a *domain.Atoms, p *Plan) ([]int64, error) {
			x := make([]float64, a.Features())
			for i := range a.N {
				x[i] = float64(a.ID[i])
			}
			err := p.Forward(domain.Rows{Width: 1, F64: x})
			return integers(x[a.Ghost0:]), err
		})
	case "reverse": // every ghost carries 1: owners count their ghosts on other ranks
		return tr.run(func(_ comm.Comm, a *domain.Atoms, p *Plan) ([]int64, error) {
			x := make([]float64, a.Features())
			for i := a.Ghost0; i < len(x); i++ {
				x[i] = 1
			}
			err := p.Reverse(domain.Rows{Width: 1, F64: x})
			return integers(x[:a.N]), err
		})
	case "positions":
		return tr.positions()
	}
	return nil, nil
}

func integers(x []float64) (n []int64) {
	for _, f := range x {
		n = append(n, int64(f))
	}
	return n
}

// begin makes the world when the first atom comes; all atoms start on rank 0.
func (tr *tracer) begin() error {
	if tr.world != nil {
		return nil
	}
	cell, err := domain.NewCell(tr.cell, tr.periodic)
	if err != nil {
		return err
	}
	tr.world = &world{cell: cell, part: domain.NewGrid(cell, tr.grid, [3]float64{}, [3]float64{1, 1, 1})}
	if len(tr.cuts) > 0 {
		if err := tr.recut(len(tr.cuts) + 1); err != nil {
			return err
		}
	}
	for range tr.world.part.N() {
		tr.atoms, tr.plans = append(tr.atoms, &domain.Atoms{}), append(tr.plans, &Plan{})
	}
	return nil
}

// cut notes a cut. Cuts that come before the atoms stand for the grid; later ones
// replace those before when all are there.
func (tr *tracer) cut(c domain.Cut) error {
	tr.cuts = append(tr.cuts, c)
	if tr.world == nil || len(tr.cuts) < len(tr.atoms)-1 {
		return nil
	}
	return tr.recut(len(tr.atoms))
}

func (tr *tracer) recut(n int) (err error) {
	tr.world.part, err = domain.FromCuts(tr.world.cell, n, tr.cuts, [3]int{}, false, [3]float64{}, [3]float64{1, 1, 1})
	tr.cuts = nil
	return err
}

func (tr *tracer) add(id int64, x [3]float64) error {
	if err := tr.begin(); err != nil {
		return err
	}
	a := tr.atoms[0]
	a.N++
	a.ID, a.Species, a.X = append(a.ID, id), append(a.Species, 1), append(a.X, x)
	return nil
}

func (tr *tracer) move(id int64, d [3]float64) error {
	for _, a := range tr.atoms {
		if i := slices.Index(a.ID[:a.N], id); i >= 0 {
			for k := range d {
				a.X[i][k] += d[k]
			}
			return nil
		}
	}
	return fmt.Errorf("no atom %d", id)
}

// run calls f on all ranks and reports the messages, then f's lists.
func (tr *tracer) run(f func(comm.Comm, *domain.Atoms, *Plan) ([]int64, error)) ([]string, error) {
	if err := tr.begin(); err != nil {
		return nil, err
	}
	tr.sent = nil
	lists := make([]string, len(tr.atoms))
	err := inproc.Run(len(tr.atoms), func(c comm.Comm) error {
		a, p := tr.atoms[c.Rank()], tr.plans[c.Rank()]
		p.c = &recorder{c, tr, a, p}
		ids, err := f(p.c, a, p)
		lists[c.Rank()] = fmt.Sprintf("rank %d: %s", c.Rank(), words(ids))
		return err
	})
	slices.Sort(tr.sent)
	return append(tr.sent, lists...), err
}

func words(ids []int64) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprint(ids), "[]")
}

// positions tells where every ghost is.
func (tr *tracer) positions() ([]string, error) {
	answer, err := tr.run(func(_ comm.Comm, a *domain.Atoms, p *Plan) ([]int64, error) {
		return nil, p.Positions(tr.world.cell, a.X)
	})
	answer = slices.DeleteFunc(answer, func(s string) bool { return strings.HasPrefix(s, "rank") })
	for r, a := range tr.atoms {
		for g := a.Ghost0; g < a.Positions(); g++ {
			kind := "ghost"
			if g >= a.Features() {
				kind = "image"
			}
			answer = append(answer, fmt.Sprintf("rank %d: %s of %d at %.6g %.6g %.6g", r, kind, a.ID[g], a.X[g][0], a.X[g][1], a.X[g][2]))
		}
	}
	return answer, err
}

// recorder is a Comm that notes which atoms are sent to whom.
type recorder struct {
	comm.Comm
	tr *tracer
	a  *domain.Atoms
	p  *Plan
}

func (r *recorder) Start(send, recv []comm.Message) error {
	r.note(send)
	return r.Comm.Start(send, recv)
}

func (r *recorder) note(send []comm.Message) {
	for _, m := range send {
		var ids []int64
		switch m.Tag {
		case tagMigrate:
			for _, a := range view[record](m.Data, len(m.Data)/recordSize) {
				ids = append(ids, a.ID)
			}
		case tagGhosts:
			for _, g := range view[[2]int64](m.Data, len(m.Data)/16) {
				ids = append(ids, g[0])
			}
		case tagForward:
			b := make([]byte, m.Len())
			m.Pack(b)
			ids = integers(view[float64](b, len(b)/8))
		case tagReverse:
			i := slices.IndexFunc(r.p.peers, func(q peer) bool { return q.rank == m.Peer })
			ids = r.a.ID[r.a.Ghost0:][r.p.peers[i].recv.at:r.p.peers[i].recv.to]
		default:
			continue
		}
		r.tr.mu.Lock()
		r.tr.sent = append(r.tr.sent, fmt.Sprintf("%d → %d: %s", r.Rank(), m.Peer, words(ids)))
		r.tr.mu.Unlock()
	}
}
