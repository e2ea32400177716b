package main

import (
	"encoding/csv"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/model"
)

// fewFrames are the first n structures of 12 atoms or less of a file of data/mlearn.
func fewFrames(t *testing.T, name string, n int) string {
	t.Helper()
	frames, err := readFrames(filepath.Join(repo, "data/mlearn", name))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w := extxyz.NewWriter(&b)
	for _, f := range frames {
		if f.N > 12 || n == 0 {
			continue
		}
		n--
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if n > 0 {
		t.Fatalf("%s has %d structures too few", name, n)
	}
	return write(t, filepath.Join(t.TempDir(), "few.extxyz"), b.String())
}

// trainConfig is a training of seconds.
func trainConfig(t *testing.T, data string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "train.toml"), `
[data]
train = ["`+data+`"]
test = ["`+data+`"]
valid_fraction = 0.25
energy_key = "REF_energy"
force_key = "REF_forces"
stress_key = "REF_stress"
weight = [{type = "Surface", weight = 0.5}]
[model]
features = "4x0e+3x1o+2x2e"
layers = 2
cutoff_A = 4
radial_hidden = [8]
zbl_switch_A = 1.5
zbl_cutoff_A = 3
[loss]
energy = 1
force = 1
stress = 1
[[stage]]
from_epoch = 3
energy = 100
rate = 0.001
[training]
epochs = 5
batch = 2
save_every = 2
precision = "float64"
`)
}

// epochsOf reads epochs.csv without the last column, the seconds.
func epochsOf(t *testing.T, dir string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(read(t, filepath.Join(dir, epochsName)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for k := range rows {
		rows[k] = rows[k][:len(rows[k])-1]
	}
	return rows
}

// A file of a family that this program does not have is refused by its name.
func TestUnknownFamily(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wigner")
	if err := model.Write(path, &model.File{Family: "tarot", Config: map[any]any{}}); err != nil {
		t.Fatal(err)
	}
	want := []string{path, `model family "tarot" is not known; known are nequip`}
	refuse(t, 2, want, "info", path)
	refuse(t, 2, want, "convert", path, path+".wigner")
}

func TestTrain(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, root := trainConfig(t, data), t.TempDir()
	dir := func(name string) string { return filepath.Join(root, name) }
	r := mustRun(t, "train", cfg, "output.dir="+dir("whole"), "--ranks", "1")
	for _, want := range []string{"fitted to these structures", "Surface", "model: "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, r.out)
		}
	}
	whole := epochsOf(t, dir("whole"))
	if len(whole) != 6 {
		t.Fatalf("%d lines in epochs.csv", len(whole))
	}
	loss := func(row []string) float64 { x, _ := strconv.ParseFloat(row[2], 64); return x }
	if loss(whole[3]) >= loss(whole[1]) {
		t.Errorf("the loss does not fall: %v", whole)
	}

	// Three epochs, then the rest: the same to the last bit.
	mustRun(t, "train", cfg, "output.dir="+dir("parts"), "--ranks", "1", "training.epochs=5", "training.early_stop=0")
	refuse(t, 2, []string{"holds a training already", "--resume", "--force"}, "train", cfg, "output.dir="+dir("parts"))
	cut := filepath.Join(dir("cut"))
	refuse(t, 75, []string{"stopped", "--resume"}, "train", cfg, "output.dir="+cut, "--ranks", "1", "--stop-after", "2")
	if r := mustRun(t, "train", cfg, "output.dir="+cut, "--ranks", "1", "--resume"); !strings.Contains(r.err, "resumed after epoch 2") {
		t.Errorf("resumed: %s", r.err)
	}
	for _, name := range []string{"parts", "cut"} {
		if got := epochsOf(t, dir(name)); !equalRows(got, whole, 0) {
			t.Errorf("%s: epochs.csv differs:\n%v\n%v", name, got, whole)
		}
		if read(t, filepath.Join(dir(name), stateName)) != read(t, filepath.Join(dir("whole"), stateName)) {
			t.Errorf("%s: the state differs", name)
		}
	}

	// Three ranks: the same within rounding, which some hundred steps of Adam keep.
	mustRun(t, "train", cfg, "output.dir="+dir("three"), "--ranks", "3")
	if got := epochsOf(t, dir("three")); !equalRows(got, whole, 1e-6) {
		t.Errorf("three ranks:\n%v\n%v", got, whole)
	}

	// What the report says of the test set is what eval gives.
	path := filepath.Join(dir("whole"), "model.wigner")
	out := dir("out.extxyz")
	mustRun(t, "eval", data, "-m", path, "-o", out, "--precision", "float64", "--radial", "exact", "--ranks", "2")
	frames, err := readFrames(out)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for _, f := range frames {
		ref := f.Column("REF_forces").Vectors()
		for i, v := range f.Column("forces").Vectors() {
			for k := range v {
				sum, n = sum+math.Abs(v[k]-ref[i][k]), n+1
			}
		}
	}
	file, err := model.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	said := string(file.Notes)
	// The splines of training deviate from the exact network by some 1e-5 eV/Å.
	if want := sum / float64(n); !strings.Contains(said, `"force_mae_eV_A": `+strconv.FormatFloat(want, 'g', 4, 64)[:5]) {
		t.Errorf("eval's force MAE is %.7f, the notes say\n%s", want, said)
	}
	if r := mustRun(t, "info", path); !strings.Contains(r.out, "trained by wigner") || !strings.Contains(r.out, "test/Surface") {
		t.Errorf("info:\n%s", r.out)
	}
	mustRun(t, "check", "-m", path, fewFrames(t, "Mo/train.extxyz.gz", 1))
	coreInside(t, path, file)

	// Fine-tuning: the radial networks stay.
	mustRun(t, "train", write(t, filepath.Join(root, "tune.toml"), `
[data]
train = ["`+data+`"]
valid_fraction = 0
energy_key = "REF_energy"
force_key = "REF_forces"
[model]
init = "`+path+`"
frozen = ["*weight_nn*"]
[training]
epochs = 1
`), "output.dir="+dir("tuned"), "--ranks", "2")
	tuned, err := model.Read(filepath.Join(dir("tuned"), "model.wigner"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tuned.Tensors {
		_, was, _ := file.Weights().Tensor64(x.Name)
		same := true
		for k, v := range x.Data {
			same = same && v == was[k]
		}
		trained := strings.HasSuffix(x.Name, "linear.weight")
		if trained == same {
			t.Errorf("tensor %s: changed is %v", x.Name, !same)
		}
	}
}

// Structures of weight 0 teach nothing, whatever their energies are.
func TestTrainWeightZero(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	root := t.TempDir()
	wrong := write(t, filepath.Join(root, "wrong.extxyz"), regexp.MustCompile(`REF_energy=\S+(.*config_type="?Surface)`).ReplaceAllString(read(t, data), "REF_energy=1e3$1"))
	if read(t, wrong) == read(t, data) {
		t.Fatal("no energy is changed")
	}
	var rows [2][][]string
	for k, file := range []string{data, wrong} {
		dir := filepath.Join(root, strconv.Itoa(k))
		mustRun(t, "train", trainConfig(t, file), "output.dir="+dir, "data.weight=[{type = \"Surface\", weight = 0}]", "data.valid_fraction=0", "data.test=[]",
			"data.reference=explicit", "data.reference_eV={Mo = -10}", "training.epochs=2", "stage=[]")
		rows[k] = epochsOf(t, dir)
	}
	if !equalRows(rows[0], rows[1], 0) {
		t.Errorf("the epochs differ:\n%v\n%v", rows[0], rows[1])
	}
}

// A committee of two trained models, of different sizes, gives the mean of what they give,
// their repulsion once; the report of no epochs is that of the model.
func TestTrainCommittee(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, root := trainConfig(t, data), t.TempDir()
	dir := func(name string) string { return filepath.Join(root, name) }
	members := []string{filepath.Join(dir("one"), "model.wigner"), filepath.Join(dir("two"), "model.wigner")}
	mustRun(t, "train", cfg, "output.dir="+dir("one"), "training.epochs=1", "stage=[]")
	mustRun(t, "train", cfg, "output.dir="+dir("two"), "training.epochs=1", "stage=[]", "training.seed=2", "model.features=6x0e+2x1o+3x2e", "model.radial_hidden=[5]")
	list := `["` + strings.Join(members, `", "`) + `"]`
	joined := write(t, filepath.Join(root, "joined.toml"), `
[data]
train = ["`+data+`"]
test = ["`+data+`"]
valid_fraction = 0
energy_key = "REF_energy"
force_key = "REF_forces"
[loss]
stress = 0
[model]
committee = `+list+`
[training]
epochs = 0
precision = "float64"
`)
	r := mustRun(t, "train", joined, "output.dir="+dir("both"))
	if !strings.Contains(r.out, "test ") {
		t.Errorf("no report:\n%s", r.out)
	}
	path := filepath.Join(dir("both"), "model.wigner")
	if r := mustRun(t, "info", path); !strings.Contains(r.out, "begun with the committee of "+members[0]) || !strings.Contains(r.out, "ZBL repulsion, added within 3 Å") {
		t.Errorf("info:\n%s", r.out)
	}
	var energies, forces [3][]float64
	for k, m := range append(members, path) {
		out := dir("out.extxyz")
		mustRun(t, "eval", data, "-m", m, "-o", out, "--precision", "float64", "--radial", "exact")
		frames, err := readFrames(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			energies[k] = append(energies[k], reals(t, f, "energy")...)
			for _, v := range f.Column("forces").Vectors() {
				forces[k] = append(forces[k], v[:]...)
			}
		}
	}
	mean := func(x [3][]float64) (m []float64) {
		for i := range x[0] {
			m = append(m, (x[0][i]+x[1][i])/2)
		}
		return m
	}
	// The files hold weights in single precision, some 6e-8 of each: of some 10 eV, and eV/Å.
	near(t, "energies", energies[2], mean(energies), 1e-5)
	near(t, "forces", forces[2], mean(forces), 1e-5)

	to := "output.dir=" + dir("x")
	refuse(t, 2, []string{"model.committee", "leave one of the two out"}, "train", joined, to, "model.init="+path)
	refuse(t, 2, []string{"model.committee", "model.init"}, "train", joined, to, `model.committee=["`+path+`"]`)
	refuse(t, 2, []string{"model.layers", "the sizes are those of the committee"}, "train", joined, to, "model.layers=2")
	refuse(t, 2, []string{"training.epochs"}, "train", cfg, to, "training.epochs=0")
	mustRun(t, "train", cfg, "output.dir="+dir("three"), "training.epochs=1", "stage=[]", "model.cutoff_A=4.5")
	refuse(t, 2, []string{"model.committee", "member 2", "cutoff"}, "train", joined, to, `model.committee=["`+path+`", "`+filepath.Join(dir("three"), "model.wigner")+`"]`)
	refuse(t, 2, []string{"would write over", members[0]}, "train", joined, "output.dir="+dir("one"), "--force")
	refuse(t, 2, []string{members[0]}, "train", joined, "output.dir="+dir("one"), "output.name=other", "--force")
	if !exists(members[0]) {
		t.Error("a member is gone")
	}
	refuse(t, 2, []string{"model.committee", "nope.wigner"}, "train", joined, to, `model.committee=["`+path+`", "nope.wigner"]`)
}

// coreInside checks the repulsion inside the model of trainConfig against the same model
// without it, and ZBL's formula, at distances at which the switch has not begun.
func coreInside(t *testing.T, path string, file *model.File) {
	dir := t.TempDir()
	if r := mustRun(t, "info", path); !strings.Contains(r.out, "ZBL repulsion, added within 3 Å") {
		t.Errorf("info:\n%s", r.out)
	}
	refuse(t, 2, []string{"ZBL", ".pth"}, "convert", path, filepath.Join(dir, "m.pth"))
	own, bare := filepath.Join(dir, "own.wigner"), filepath.Join(dir, "bare.wigner")
	mustRun(t, "convert", path, own)
	without := *file
	without.Config = maps.Clone(file.Config)
	delete(without.Config, coreKey)
	if err := model.Write(bare, &without); err != nil {
		t.Fatal(err)
	}
	pairs := write(t, filepath.Join(dir, "pairs.extxyz"), "2\npbc=\"F F F\"\nMo 0 0 0\nMo 1 0 0\n2\npbc=\"F F F\"\nMo 0 0 0\nMo 1.4 0 0\n")
	var e, f [2][2]float64 // with and without, by distance
	for n, m := range []string{own, bare} {
		out := filepath.Join(dir, "out.extxyz")
		mustRun(t, "eval", pairs, "-m", m, "-o", out, "--precision", "float64")
		frames, err := readFrames(out)
		if err != nil {
			t.Fatal(err)
		}
		for k := range frames {
			e[n][k], f[n][k] = reals(t, frames[k], "energy")[0], frames[k].Column("forces").Vectors()[1][0]
		}
	}
	zbl := func(r float64) float64 { // Ziegler, Biersack, Littmark, as in potential/pair
		x := r * 2 * math.Pow(42, 0.23) / 0.46850
		return 42 * 42 * 14.3996454784 / r * (0.18175*math.Exp(-3.19980*x) + 0.50986*math.Exp(-0.94229*x) + 0.28022*math.Exp(-0.40290*x) + 0.02817*math.Exp(-0.20162*x))
	}
	const h = 1e-5
	near(t, "the core's energy", []float64{e[0][0] - e[1][0] - e[0][1] + e[1][1]}, []float64{zbl(1) - zbl(1.4)}, 1e-9)
	near(t, "the core's force", []float64{f[0][0] - f[1][0], f[0][1] - f[1][1]},
		[]float64{(zbl(1-h) - zbl(1+h)) / (2 * h), (zbl(1.4-h) - zbl(1.4+h)) / (2 * h)}, 1e-5)
}

// equalRows compares tables of numbers to a relative deviation.
func equalRows(a, b [][]string, tol float64) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		for c := range a[k] {
			if a[k][c] == b[k][c] {
				continue
			}
			x, err := strconv.ParseFloat(a[k][c], 64)
			y, err2 := strconv.ParseFloat(b[k][c], 64)
			if err != nil || err2 != nil || math.Abs(x-y) > tol*math.Abs(y) {
				return false
			}
		}
	}
	return true
}

func TestTrainRefuses(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 3)
	cfg, root := trainConfig(t, data), t.TempDir()
	to := "output.dir=" + filepath.Join(root, "x")
	refuse(t, 2, []string{"no frame of", "energy_key"}, "train", cfg, to, "data.energy_key=E", "data.force_key=F")
	refuse(t, 2, []string{`unknown key "model.layer"`, `"model.layers"`}, "train", cfg, to, "model.layer=2")
	refuse(t, 2, []string{"model.kind", "is not known; it may be nequip"}, "train", cfg, to, "model.kind=nequlp")
	refuse(t, 2, []string{"model.features", "32q"}, "train", cfg, to, "model.features=32q")
	refuse(t, 2, []string{"model.zbl_switch_A", "below the cutoff"}, "train", cfg, to, "model.zbl_switch_A=4")
	refuse(t, 2, []string{"no such file"}, "train", cfg, to, "data.train=[\"none.extxyz\"]")
	refuse(t, 2, []string{"no structure of one atom", "IsolatedAtom"}, "train", cfg, to, "data.reference=isolated")
	refuse(t, 2, []string{"no energy of Mo"}, "train", cfg, to, "data.reference=explicit", "data.reference_eV={W=1}")
	refuse(t, 2, []string{"config_type", "1 numbers"}, "train", cfg, to, "data.stress_key=config_type")
	refuse(t, 2, []string{"does not know Mo"}, "train", write(t, filepath.Join(root, "i.toml"),
		"[data]\ntrain=[\""+data+"\"]\nenergy_key=\"REF_energy\"\n[model]\ninit=\""+filepath.Join(tiny, "linear-l2.pth")+"\"\n"), to)
	for _, key := range []string{"energy", "force", "stress"} {
		refuse(t, 2, []string{"data." + key + "_key: no frame of", `"REF_typo"`, "loss." + key}, "train", cfg, to, "data."+key+"_key=REF_typo")
	}
	r := mustRun(t, "train", cfg, "output.dir="+filepath.Join(root, "w"), "data.stress_key=stress", "training.epochs=1", "stage=[]", "--ranks", "1")
	if !strings.Contains(r.err, `data.stress_key: no frame of data.train has a stress (with a cell) "stress"`) {
		t.Errorf("no warning: %s", r.err)
	}
	r = mustRun(t, "train", cfg, "output.dir="+filepath.Join(root, "n"), "data.stress_key=REF_typo", "loss.stress=0", "training.epochs=1", "stage=[]", "--ranks", "1")
	if strings.Contains(r.err, "stress_key") {
		t.Errorf("a label without weight: %s", r.err)
	}
	own, _ := filepath.Glob(filepath.Join(root, "w", "*.wigner"))
	kept := read(t, filepath.Join(root, "w", stateName))
	refuse(t, 2, []string{"would write over", own[0]}, "train", write(t, filepath.Join(root, "again.toml"),
		"[data]\ntrain=[\""+data+"\"]\nenergy_key=\"REF_energy\"\n[model]\ninit=\""+own[0]+"\"\n[output]\nname=\"model\"\n"), "output.dir="+filepath.Join(root, "w"), "loss.force=0", "loss.stress=0", "--force")
	again := filepath.Join(root, "again.toml")
	refuse(t, 2, []string{"would write over", own[0]}, "train", again, "output.dir="+filepath.Join(root, "w"), "loss.force=0", "loss.stress=0", "--resume")
	mine := filepath.Join(t.TempDir(), configName) // a user's, in the folder itself
	text := "# mine\n" + read(t, cfg)
	for _, how := range []string{"--force", "--resume"} {
		write(t, mine, text)
		refuse(t, 2, []string{"would write over", mine}, "train", mine, "output.dir="+filepath.Dir(mine), how)
		if read(t, mine) != text {
			t.Error("a config is gone")
		}
	}
	if read(t, filepath.Join(root, "w", stateName)) != kept {
		t.Error("a refused training has removed files")
	}
	mixed := write(t, filepath.Join(root, "mixed.extxyz"), strings.Repeat("1\nLattice=\"3 0 0 0 3 0 0 0 3\" REF_energy=1 Properties=species:S:1:pos:R:3\nMo 0 0 0\n", 2)+
		"1\nLattice=\"3 0 0 0 3 0 0 0 3\" REF_energy=1 Properties=species:S:1:pos:R:3\nW 0 0 0\n")
	for _, set := range []string{"valid", "test"} {
		refuse(t, 2, []string{"data." + set, "mixed.extxyz:7: frame 2 (from 0) has W", "does not know"}, "train", cfg, to, "data."+set+"=[\""+mixed+"\"]", "--ranks", "2")
	}
	if exists(filepath.Join(root, "x")) {
		t.Error("a refusal left a folder")
	}
	close := write(t, filepath.Join(root, "close.extxyz"), "2\nLattice=\"9 0 0 0 9 0 0 0 9\" REF_energy=1 Properties=species:S:1:pos:R:3\nMo 0 0 0\nMo 0 0 0.3\n")
	refuse(t, 2, []string{"close.extxyz:1", "0.300 Å apart"}, "train", cfg, to, "data.train=[\""+close+"\"]", "data.test=[]", "loss.force=0", "loss.stress=0")
}

// A model goes to wigner's format and back to a checkpoint, and gives the same bits.
func TestConvertModel(t *testing.T) {
	dir := t.TempDir()
	own, back := filepath.Join(dir, "m.wigner"), filepath.Join(dir, "m.pth")
	from, in := filepath.Join(tiny, "parity-nequip.pth"), filepath.Join(tiny, "parity-nequip.extxyz")
	mustRun(t, "convert", from, own)
	mustRun(t, "convert", own, back)
	var want string
	for _, m := range []string{from, own, back} {
		out := filepath.Join(dir, "out.extxyz")
		mustRun(t, "eval", in, "-m", m, "-o", out, "--precision", "float64", "--ranks", "1")
		got := read(t, out)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s gives other results than %s", m, from)
		}
	}
	refuse(t, 2, []string{"is written as .wigner or .pth"}, "convert", own, filepath.Join(dir, "m.onnx"))
	refuse(t, 2, []string{"is the file that is read"}, "convert", own, own)
	damaged := []byte(read(t, own))
	damaged[len(damaged)/2] ^= 1
	refuse(t, 2, []string{"m.wigner", "damaged or cut"}, "convert", write(t, own, string(damaged)), back)
}

// What the format cannot hold costs a module that attribute, never its class.
func TestHeld(t *testing.T) {
	module := map[any]any{"class": "mace.X", "p": 5.0, "a": math.NaN()}
	want := map[any]any{"class": "mace.X", "p": 5.0}
	if got, ok := held("pair_repulsion_fn", module); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, ok, want)
	}
	if got, ok := held("x", math.NaN()); ok {
		t.Errorf("a plain value: %v", got)
	}
	if got, ok := held("x", map[any]any{"a": math.NaN(), "b": 1.0}); ok {
		t.Errorf("a dict that is no module: %v", got)
	}
}
