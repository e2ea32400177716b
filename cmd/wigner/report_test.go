package main

import (
	"encoding/json"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
)

// reportRun is a short run of argon with an unwrapped, compressed trajectory.
func reportRun(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "argon <1>")
	argonRun(t, dir, `output.dump=[{ every = 5, file = "t.extxyz.gz", unwrapped = true }]`, "output.thermo_every=1")
	return dir
}

func TestReport(t *testing.T) {
	dir := reportRun(t)
	write(t, filepath.Join(dir, "mine.csv"), "r_A,g\n1,0\n2,3\n3,1\n")
	mustRun(t, "report", dir)
	page := read(t, filepath.Join(dir, reportName))
	for _, want := range []string{
		"<h1>argon &lt;1&gt;</h1>", "finished", "40 of 40", "Temperature", "Pressure", "Total and conserved energy", "Pair distribution of the last of 9 frames in t.extxyz.gz, Ar-Ar",
		"Mean square displacement", "What each rank did", "mine.csv", "temperature_K", "epsilon_eV = 0.0103",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// Self-contained: nothing is loaded from elsewhere.
	for _, never := range []string{"<script", "src=\"http", "href=", "@import", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if n := strings.Count(page, "<svg"); n != strings.Count(page, "</svg>") || n < 8 {
		t.Errorf("%d pictures", n)
	}
	other := filepath.Join(t.TempDir(), "x.html")
	mustRun(t, "report", dir, "-o", other)
	if !strings.Contains(read(t, other), "Temperature") {
		t.Error("-o is not written")
	}
	refuse(t, 2, []string{"is not a folder"}, "report", other)
	refuse(t, 2, []string{"holds no run"}, "report", t.TempDir())
	refuse(t, 2, []string{"--serve writes no file"}, "report", dir, "--serve", "-o", "x")
}

// A run that goes on: the last line and the last frame are not whole, the page says
// when it is made anew; one that has ended does not.
func TestReportServes(t *testing.T) {
	dir := reportRun(t)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		(&live{dir: dir}).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if code, page := get("/"); code != 200 || strings.Contains(page, `http-equiv="refresh"`) {
		t.Errorf("status %d for a run that has ended", code)
	}
	if code, _ := get("/config.toml"); code != 404 {
		t.Errorf("status %d for a file", code)
	}
	var s statusReport
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, statusName))), &s); err != nil {
		t.Fatal(err)
	}
	s.State = stateRunning
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, statusName), string(text))
	for _, name := range []string{thermoName, "t.extxyz.gz"} {
		whole := read(t, filepath.Join(dir, name))
		write(t, filepath.Join(dir, name), whole[:len(whole)-40])
	}
	code, page := get("/")
	if code != 200 || !strings.Contains(page, `http-equiv="refresh" content="5"`) || !strings.Contains(page, "last of 8 frames") {
		t.Errorf("status %d for a run that goes on", code)
	}
}

// Means over the second half of 1, 2 … 32: 17 … 32 have the mean 24.5 and the variance
// (16² − 1)/12·16/15; the means of eight blocks of two are 17.5, 19.5 …, their variance
// is 4·(8² − 1)/12·8/7.
func TestAverage(t *testing.T) {
	var x []float64
	for k := range 32 {
		x = append(x, float64(k+1))
	}
	m := averageOf("x", x)
	if m.Mean != 24.5 || m.Samples != 16 || math.Abs(m.Spread-math.Sqrt(255./12*16/15)) > 1e-14 || math.Abs(m.Err-math.Sqrt(4*63./12*8/7/8)) > 1e-14 {
		t.Errorf("%+v", m)
	}
	if m := averageOf("x", x[:10]); !math.IsNaN(m.Err) {
		t.Errorf("an error from five samples: %+v", m)
	}
}

// Rock salt, by counting: of one Na, 6 Cl at a/2 and 12 Na at a/√2. The integral of
// 4πr²ρg over a peak is the number of neighbours.
func TestPairDistribution(t *testing.T) {
	const a = 5.64
	f := &extxyz.Frame{N: 8, HasCell: true, PBC: [3]bool{true, true, true}, Cell: [3][3]float64{{a, 0, 0}, {0, a, 0}, {0, 0, a}}}
	for k := range 4 {
		x := [3]float64{}
		if k > 0 {
			x = [3]float64{a / 2, a / 2, a / 2}
			x[k-1] = 0
		}
		y := x
		y[0] += a / 2
		f.Z, f.X = append(f.Z, 11, 17), append(f.X, x, y)
	}
	names, r, g, err := rdf(f)
	if err != nil || strings.Join(names, " ") != "Na-Na Na-Cl Cl-Cl" {
		t.Fatal(names, err)
	}
	for i, want := range []float64{12, 6, 12} {
		n := 0.0
		for k, d := range r {
			if d < 4.2 {
				lo, hi := d-rdfCutoff/rdfBins/2, d+rdfCutoff/rdfBins/2
				n += g[i][k] * 4 / (a * a * a) * 4 * math.Pi / 3 * (hi*hi*hi - lo*lo*lo)
			}
		}
		if math.Abs(n-want) > 1e-9 {
			t.Errorf("%s: %v neighbours, want %v", names[i], n, want)
		}
	}
}

// A real browser shows the page: all pictures with a size, no error in its console.
func TestReportInBrowser(t *testing.T) {
	if os.Getenv("WIGNER_LONG") == "" {
		t.Skip("WIGNER_LONG is not set")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: apt-get install chromium")
	}
	dir := reportRun(t)
	// A script that counts, in a copy: the page itself has none.
	mustRun(t, "report", dir)
	page := strings.Replace(read(t, filepath.Join(dir, reportName)), "</body>", `<script>
const shown = [...document.querySelectorAll("figure svg")].filter(e => e.getBoundingClientRect().width > 200 && e.querySelectorAll("path").length > 3);
document.title = "shown " + shown.length + " of " + document.querySelectorAll("figure").length + ", rows " + document.querySelectorAll("#means tr").length;
</script></body>`, 1)
	copied := write(t, filepath.Join(t.TempDir(), "copy.html"), page)
	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "file://"+copied)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("chromium does not start: %v", err)
	}
	if !strings.Contains(string(out), "<title>shown 8 of 8, rows 15</title>") {
		i := strings.Index(string(out), "<title>")
		t.Errorf("the browser shows %q", string(out)[max(0, i):min(len(out), i+80)])
	}
}
