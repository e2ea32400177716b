package symmetry

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// read is a file's text.
func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rows is the page from the first section on, without seconds of training.
func rows(page string) string {
	i, j := strings.Index(page, "<section>"), strings.Index(page, `id="trainings"`)
	return page[i:j]
}

// With trainings that end at once the page is whole, in the order of the argument, and what
// follows from a model's structure holds; a run that goes on gives the same page, another
// seed the same identities and other numbers.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Seed: 1, brief: true}
	if err := Run(o); err != nil {
		t.Fatal(err)
	}
	page := read(t, dir, ReportName)
	at := 0
	for _, id := range []string{"water", "benzene", "methane", "augmentation", "dipole", "chirality", "features", "universal", "degenerate", "breaking", "learning", "ranks"} {
		i := strings.Index(page, `<h2 id="`+id+`"`)
		if i < at {
			t.Errorf("section %s stands at %d, after %d", id, i, at)
		}
		at = i
	}
	if strings.Contains(page, "http") && regexp.MustCompile(`(src|href)="http`).MatchString(page) {
		t.Error("the page needs the network")
	}
	figures := regexp.MustCompile(`<figure id="([a-z0-9-]+)"`).FindAllStringSubmatch(page, -1)
	for _, f := range figures {
		if c := read(t, dir, csvDir, f[1]+".csv"); strings.Count(c, "\n") < 2 || !strings.Contains(page, f[1]+".csv") {
			t.Errorf("%s.csv: %q", f[1], c)
		}
	}
	if len(figures) < 15 {
		t.Errorf("%d figures", len(figures))
	}
	if c := read(t, dir, csvDir, "trainings.csv"); strings.Count(c, "\n") != strings.Count(page[strings.Index(page, `id="trainings"`):], "<tr>") || !strings.Contains(c, `"water, equivariant",12,`) {
		t.Errorf("trainings.csv:\n%s", c)
	}
	if c := read(t, dir, csvDir, "bounds.csv"); strings.Count(c, "\n") < 80 || strings.Contains(c, ",structure,false") {
		t.Errorf("bounds.csv:\n%s", c)
	}
	inBrowser(t, page)
	// One training is lost: it alone is made again, and gives the same.
	if err := os.Remove(keep(dir, "water, equivariant")); err != nil {
		t.Fatal(err)
	}
	if err := Run(o); err != nil {
		t.Fatal(err)
	}
	if rows(read(t, dir, ReportName)) != rows(page) {
		t.Error("a run that went on gives another page")
	}
	if testing.Short() {
		return
	}
	o.Dir, o.Seed = t.TempDir(), 2
	if err := Run(o); err != nil { // identities are errors
		t.Fatal(err)
	}
	if a, b := read(t, dir, csvDir, "water-changes.csv"), read(t, o.Dir, csvDir, "water-changes.csv"); a == b {
		t.Error("the seed changes nothing")
	}
}

// inBrowser opens the page in a real browser, where there is one: every picture has a size
// and curves, and the tables have rows.
func inBrowser(t *testing.T, page string) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Log("no chromium: the page is not looked at")
		return
	}
	// A script that counts, in a copy: the page itself has none.
	page = strings.Replace(page, "</body>", `<script>
const all = [...document.querySelectorAll("figure")], svg = all.filter(f => f.querySelector("svg"));
const good = svg.filter(f => { const e = f.querySelector("svg"); return e.getBoundingClientRect().width > 300 && e.querySelectorAll("path").length > 5; });
const tables = all.filter(f => f.querySelectorAll("table tr").length > 1);
document.title = "pictures " + good.length + "/" + svg.length + " tables " + tables.length + " others " + (all.length - svg.length - tables.length);
</script></body>`, 1)
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "file://"+path)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Logf("chromium does not start: %v", err)
		return
	}
	m := regexp.MustCompile(`<title>pictures (\d+)/(\d+) tables (\d+) others 0</title>`).FindStringSubmatch(string(out))
	if m == nil || m[1] != m[2] || len(m[1]) == 1 && m[1] < "8" || m[3] == "0" {
		i := strings.Index(string(out), "<title>")
		t.Errorf("the browser shows %q", string(out)[max(0, i):min(len(out), max(0, i)+90)])
	}
}

// The degenerate pair: equal angles and distances at the carbon, and yet two molecules: each
// hydrogen's own distances differ.
func TestDegeneratePair(t *testing.T) {
	p := degeneratePair(1)
	a0, d0 := angles(p[0])
	a1, d1 := angles(p[1])
	want := []float64{45, 45, 90, 135, 135, 180} // Pozdnyakov et al., fig. 1
	if apart(a0, want) > 1e-5 || apart(a1, want) > 1e-5 || apart(d0, d1) > 1e-12 {
		t.Errorf("angles %v %v, distances %v %v", a0, a1, d0, d1)
	}
	if d := apart(sortedOfEach(p[0].X), sortedOfEach(p[1].X)); d < 0.1 {
		t.Errorf("the hydrogens' environments are the same within %g", d)
	}
}

// sortedOfEach is, for each hydrogen, the product of its distances to the others, sorted.
func sortedOfEach(x []vec) []float64 {
	var out []float64
	for i := 1; i < len(x); i++ {
		q := 1.0
		for k := 1; k < len(x); k++ {
			if k != i {
				q *= norm(minus(x[i], x[k]))
			}
		}
		out = append(out, q)
	}
	for i := range out {
		for k := range i {
			if out[i] < out[k] {
				out[i], out[k] = out[k], out[i]
			}
		}
	}
	return out
}

// The projector onto D6h leaves radial forces of the ring, takes away all others, and is the
// identity when applied twice.
func TestProject(t *testing.T) {
	set, err := structures("molecules/benzene", "")
	if err != nil {
		t.Fatal(err)
	}
	x := set[0].X
	radial, odd := make([]vec, 12), make([]vec, 12)
	for i := range x {
		radial[i] = vec{x[i][0] * float64(1+i/6), x[i][1] * float64(1+i/6), 0}
		odd[i] = vec{-x[i][1], x[i][0], 1} // round the ring, and out of the plane
	}
	p, err := project(x, radial, d6h())
	if err != nil || forceError(p, radial) > 1e-6 { // positions have nine decimals
		t.Errorf("radial forces: %g %v", forceError(p, radial), err)
	}
	if p, err = project(x, odd, d6h()); err != nil || size(p) > 1e-12 {
		t.Errorf("odd forces: %g %v", size(p), err)
	}
	if _, err := project([]vec{{1, 2, 3}}, []vec{{}}, d6h()); err == nil {
		t.Error("a group that the atoms do not have is taken")
	}
}

// forceError is the root mean square of the difference of two sets of forces.
func forceError(a, b []vec) float64 {
	sum := 0.0
	for i := range a {
		d := minus(a[i], b[i])
		sum += dot(d, d)
	}
	return math.Sqrt(sum / float64(3*len(a)))
}
