package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --resume goes on with the same data and settings only; the refusal names what differs and
// leaves the folder as it is.
func TestTrainResumeRefuses(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, dir := trainConfig(t, data), filepath.Join(t.TempDir(), "d")
	to := "output.dir=" + dir
	refuse(t, 75, []string{"stopped"}, "train", cfg, to, "--ranks", "1", "--stop-after", "5", "training.epochs=7") // in the second of two parts
	kept := map[string]string{}
	for _, n := range []string{configName, stateName, epochsName} {
		kept[n] = read(t, filepath.Join(dir, n))
	}
	other := write(t, filepath.Join(t.TempDir(), "other.extxyz"), strings.Replace(read(t, data), "REF_energy=-", "REF_energy=-1", 1))
	for _, x := range []struct{ set, want string }{
		{"stage=[]", "stage: the saved state is in stage 1"},
		{"stage=[{from_epoch=3, energy=50, rate=0.001}]", "stage 1: energy was 100, here it is 50"},
		{"stage=[{from_epoch=2, energy=100, rate=0.001}]", "stage 1: from_epoch was 3, here it is 2"},
		{"stage=[{from_epoch=3, energy=100, rate=0.001}, {from_epoch=4, energy=1}]", "stage 2: from_epoch = 4 lies before epoch 5"},
		{"optimizer.amsgrad=true", "optimizer.amsgrad was false, here it is true"},
		{"optimizer.ema=0", "optimizer.ema was 0.99, here it is 0"},
		{"optimizer.rate=0.01", "optimizer.rate was 0.005"},
		{"training.seed=2", "training.seed was 1, here it is 2"},
		{"training.batch=1", "training.batch was 2"},
		{"data.valid_fraction=0.5", "data.valid_fraction was 0.25"},
		{"data.weight=[]", "data.weight was"},
		{"loss.force=2", "loss.force was 1"},
		{"model.layers=1", "model.layers was 2"},
		{"model.frozen=[\"0_*\"]", "model.frozen was null"},
		{"data.train=[\"" + other + "\"]", "data."},
		{"data.stress_key=stress", "data.train: the training structures are not those of the state"},
	} {
		refuse(t, 2, []string{filepath.Join(dir, stateName), x.want}, "train", cfg, to, x.set, "--resume", "--ranks", "2")
	}
	for n, text := range kept {
		if read(t, filepath.Join(dir, n)) != text {
			t.Errorf("a refused --resume has changed %s", n)
		}
	}
	// What may change: the length, parts to come, how often is saved and validated, the test set, names.
	r := mustRun(t, "train", cfg, to, "--resume", "--ranks", "2", "training.epochs=6", "stage=[{from_epoch=3, energy=100, rate=0.001}, {from_epoch=5, energy=10}]",
		"training.save_every=1", "training.early_stop=9", "data.test=[]", "output.notes=x")
	if !strings.Contains(r.err, "resumed after epoch 5") || len(epochsOf(t, dir)) != 7 {
		t.Errorf("resumed: %s", r.err)
	}
}

// --force removes all that a training wrote, and nothing else.
func TestTrainForce(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, dir := trainConfig(t, data), filepath.Join(t.TempDir(), "d")
	to := "output.dir=" + dir
	short := []string{to, "--ranks", "1", "training.epochs=1", "stage=[]"}
	mustRun(t, append([]string{"train", cfg, "output.name=old"}, short...)...)
	mine := write(t, filepath.Join(dir, "notes.txt"), "mine")
	for _, n := range []string{trainReportName, "parity-energy.csv", "parity-force.png", "old.wigner"} {
		if !exists(filepath.Join(dir, n)) {
			t.Fatalf("no %s", n)
		}
	}
	refuse(t, 75, []string{"stopped"}, append([]string{"train", cfg, "--force", "--stop-after", "1", "training.epochs=2"}, short[:3]...)...)
	for _, n := range []string{trainReportName, "parity-energy.csv", "parity-force.png", "old.wigner"} {
		if exists(filepath.Join(dir, n)) {
			t.Errorf("%s of the earlier training is left", n)
		}
	}
	if read(t, mine) != "mine" {
		t.Error("a file of the user's is gone")
	}

	// A folder of a run, and files that no training wrote, stay as they are.
	for name, files := range map[string]map[string]string{
		configName:   {configName: effectiveHead + "run, as x read it.\n"},
		thermoName:   {configName: trainingHead + read(t, cfg), thermoName: "step\n"},
		stateName:    {stateName: "x"},
		epochsName:   {epochsName: "epoch\n"},
		"new.wigner": {configName: trainingHead + read(t, cfg), "new.wigner": "a model of somebody's"},
	} {
		folder := t.TempDir()
		for n, text := range files {
			write(t, filepath.Join(folder, n), text)
		}
		for _, how := range []string{"--force", ""} {
			args := append([]string{"train", cfg, "output.name=new"}, short...)
			args = append(args, "output.dir="+folder)
			if how != "" {
				args = append(args, how)
			}
			refuse(t, 2, []string{filepath.Join(folder, name), "output.dir"}, args...)
		}
		for n, text := range files {
			if read(t, filepath.Join(folder, n)) != text {
				t.Errorf("%s: %s has changed", name, n)
			}
		}
		if left, _ := os.ReadDir(folder); len(left) > len(files)+1 { // and the lock
			t.Errorf("%s: %v", name, left)
		}
	}
}

// What weighs nothing, and keys that say nothing to a kind of model, are refused by their names.
func TestTrainIdle(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, root := trainConfig(t, data), t.TempDir()
	to := "output.dir=" + filepath.Join(root, "x")
	bare := write(t, filepath.Join(root, "energies.extxyz"), "1\nLattice=\"3 0 0 0 3 0 0 0 3\" REF_energy=-1 Properties=species:S:1:pos:R:3\nMo 0 0 0\n")
	refuse(t, 2, []string{cfg, "data.valid", "[loss] weighs", "force 1 × 0,", "nothing could be chosen"}, "train", cfg, to, "data.valid=[\""+bare+"\"]", "loss.energy=0", "loss.stress=0")
	refuse(t, 2, []string{cfg, "data.valid", "stage 1 weighs"}, "train", cfg, to, "data.valid=[\""+bare+"\"]", "stage=[{from_epoch=3, energy=0, rate=0.001}]")
	soap := filepath.Join(repo, "configs/train/molybdenum-soap.toml")
	refuse(t, 2, []string{soap, "data.valid", "nothing could be chosen"}, "train", soap, to, "data.valid=[\""+bare+"\"]", "loss.energy=0", "loss.stress=0")
	refuse(t, 2, []string{cfg, "data.train", "nothing could be learnt"}, "train", cfg, to, "data.weight=[{type=\"Elastic\", weight=0}, {type=\"Surface\", weight=0}, {type=\"Vacancy\", weight=0}, {type=\"AIMD-NVT\", weight=0}]")
	refuse(t, 2, []string{"all weights of stage 1 are 0"}, "train", cfg, to, "stage=[{from_epoch=3, energy=0, force=0, stress=0}]")
	refuse(t, 2, []string{cfg, "training.early_stop", "no validation structures"}, "train", cfg, to, "data.valid_fraction=0", "training.early_stop=3")
	refuse(t, 2, []string{cfg, "optimizer.schedule", "plateau"}, "train", cfg, to, "data.valid_fraction=0", "optimizer.schedule=plateau")

	dipole := filepath.Join(repo, "configs/train/dipole.toml")
	for _, x := range []string{"loss.energy=2", "loss.force=0", "loss.stress=1", "loss.huber_force_eV_A=0.1", "data.reference=isolated", "data.shear_only=true"} {
		key, _, _ := strings.Cut(x, "=")
		refuse(t, 2, []string{key, "dipole"}, "train", dipole, to, x)
	}
	refuse(t, 2, []string{"stage.energy", "stage 1", "dipole"}, "train", dipole, to, "stage=[{from_epoch=1, energy=3}]")

	refuse(t, 2, []string{"model.sigma_A", "0.05", "60 times"}, "train", soap, to, "model.sigma_A=0.05")
	fitted := filepath.Join(root, "fit")
	mustRun(t, "train", soap, "output.dir="+fitted, "data.train=[\""+data+"\"]", "data.test=[]", "data.valid_fraction=0.25", "model.nmax=2", "model.lmax=2", "--ranks", "1")
	own, _ := filepath.Glob(filepath.Join(fitted, "*.wigner"))
	on := write(t, filepath.Join(root, "on.toml"), "[data]\ntrain=[\""+data+"\"]\nenergy_key=\"REF_energy\"\nforce_key=\"REF_forces\"\n[model]\ninit=\""+own[0]+"\"\n")
	for _, x := range []struct{ set, want string }{{"loss.huber_force_eV_A=0.1", "loss.huber_force_eV_A"}, {"model.frozen=[\"*\"]", "model.frozen"},
		{"stage=[{from_epoch=3}]", "stage"}, {"training.precision=float32", "training.precision"}} {
		refuse(t, 2, []string{x.want, "soap"}, "train", on, to, x.set)
	}
	mustRun(t, "train", on, "output.dir="+filepath.Join(root, "again"), "--ranks", "1")
	network := write(t, filepath.Join(root, "network.toml"), strings.Replace(read(t, on), own[0], filepath.Join(tiny, "linear-l2.pth"), 1))
	refuse(t, 2, []string{"training.regularisation", "soap"}, "train", network, to, "training.regularisation=[1e-6]")
}
