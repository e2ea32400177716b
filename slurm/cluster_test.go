// Package slurm_test runs the scripts of this folder under a real SLURM: a munged,
// a slurmctld and two slurmd that the tests start on this machine, on loopback
// only, with all their files in one temporary folder, and end again.
package slurm_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const install = "apt-get install slurm-wlm munge libpmix-dev openmpi-bin mpich"

// cluster is a SLURM of two nodes.
type cluster struct {
	dir     string // all its files; under /var/tmp, because each node has a /tmp of its own
	program string // bin/wigner
	daemons []*exec.Cmd
	exited  chan struct{} // closed to let the daemons' thread end
}

// theCluster is started by the first test that needs it.
var theCluster = sync.OnceValues(newCluster)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.dir != "" {
		started.stop()
	}
	os.Exit(code)
}

// started is the cluster to stop.
var started cluster

// slurm is the cluster; the test skips, or fails where WIGNER_REQUIRE_SLURM=1,
// when there can be none.
func slurm(t *testing.T) *cluster {
	t.Helper()
	if why := impossible(); why != "" {
		if os.Getenv("WIGNER_REQUIRE_SLURM") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	c, err := theCluster()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// impossible says why no cluster can be started here, or "".
func impossible() string {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		return "a SLURM of one's own needs Linux and root"
	}
	for _, name := range []string{"munged", "slurmctld", "slurmd", "srun", "sbatch", "scontrol", "unshare", "mpirun.openmpi", "mpirun.mpich"} {
		if _, err := exec.LookPath(name); err != nil {
			return name + " is not here: " + install
		}
	}
	if out, err := exec.Command("unshare", "-m", "--propagation", "private", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("no mount namespaces here, which two nodes on one machine need: %s", out)
	}
	if out, _ := exec.Command("slurmd", "-V").Output(); !bytes.Contains(out, []byte("slurm")) {
		return "slurmd does not say its version"
	}
	return ""
}

const config = `ClusterName=wigner
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[3]d
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[2]s/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmdPidFile=%[2]s/slurmd-%%n.pid
SlurmdSpoolDir=%[2]s/spool-%%n
StateSaveLocation=%[2]s/state
SlurmctldLogFile=%[2]s/slurmctld.log
SlurmdLogFile=%[2]s/slurmd-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MailProg=/bin/true
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=60
NodeName=n1 NodeHostname=%[1]s NodeAddr=127.0.0.1 Port=%[4]d CPUs=16 RealMemory=1000
NodeName=n2 NodeHostname=%[1]s NodeAddr=127.0.0.1 Port=%[5]d CPUs=16 RealMemory=1000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
`

func newCluster() (c *cluster, err error) {
	dir, err := os.MkdirTemp("/var/tmp", "wslurm")
	if err != nil {
		return nil, err
	}
	started = cluster{dir: dir, program: filepath.Join(dir, "wigner"), exited: make(chan struct{})}
	c = &started
	build := exec.Command("go", "build", "-buildvcs=false", "-o", c.program, "../cmd/wigner")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	key := make([]byte, 1024)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	host, err := exec.Command("hostname", "-s").Output()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(config, strings.TrimSpace(string(host)), dir, freePort(), freePort(), freePort())
	for name, b := range map[string][]byte{"slurm.conf": []byte(text), "munge.key": key} {
		if err := os.WriteFile(c.path(name), b, 0o400); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"", "state", "spool-n1", "spool-n2", "tmp-n1", "tmp-n2"} {
		if err := errors.Join(os.MkdirAll(c.path(name), 0o755), os.Chmod(c.path(name), 0o755)); err != nil {
			return nil, err
		}
	}
	node := func(n string) []string {
		return []string{"unshare", "-m", "--propagation", "private", "sh", "-c",
			fmt.Sprintf("mount --bind %s /tmp && exec slurmd -D -N %s", c.path("tmp-"+n), n)}
	}
	munge := []string{"munged", "--foreground", "--force", "--key-file", c.path("munge.key"), "--socket", c.path("munge.socket"),
		"--pid-file", c.path("munged.pid"), "--log-file", c.path("munged.log"), "--seed-file", c.path("munged.seed")}
	failed := make(chan error, 1)
	go func() { // daemons die with the thread that started them, whatever ends this process
		runtime.LockOSThread()
		for _, cmd := range [][]string{munge, {"slurmctld", "-D"}, node("n1"), node("n2")} {
			if err := c.daemon(cmd); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
		<-c.exited
	}()
	if err := <-failed; err != nil {
		return nil, err
	}
	return c, c.ready()
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// daemon starts one of the daemons; munged must have its socket before the others.
func (c *cluster) daemon(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = c.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.daemons = append(c.daemons, cmd)
	for range 100 {
		if _, err := os.Stat(c.path("munge.socket")); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("munged does not start: %s", c.log("munged.log"))
}

func (c *cluster) env() []string {
	return append(os.Environ(), "SLURM_CONF="+c.path("slurm.conf"), "WIGNER="+c.program,
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
}

func (c *cluster) log(name string) string {
	b, _ := os.ReadFile(c.path(name))
	return string(b[max(0, len(b)-2000):])
}

// ready waits for both nodes.
func (c *cluster) ready() error {
	var out []byte
	for range 120 {
		out, _ = c.command("sinfo", "-h", "-N", "-o", "%T").CombinedOutput()
		if bytes.Count(out, []byte("idle\n")) == 2 {
			return nil
		}
		time.Sleep(250 * time.Millisecond)
	}
	return fmt.Errorf("SLURM does not start: %s\n%s\n%s", out, c.log("slurmctld.log"), c.log("slurmd-n1.log"))
}

// stop ends what runs, and the daemons, and removes all files.
func (c *cluster) stop() {
	_ = c.command("scancel", "--signal=KILL", "--full", "-u", "root").Run()
	_ = c.command("scancel", "-u", "root").Run()
	for range 40 {
		if out, err := c.command("squeue", "-h").Output(); err != nil || len(bytes.TrimSpace(out)) == 0 {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	for k := len(c.daemons) - 1; k >= 0; k-- {
		d := c.daemons[k]
		_ = d.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { _ = d.Process.Kill() })
		_ = d.Wait()
		kill.Stop()
	}
	close(c.exited)
	if os.Getenv("WIGNER_KEEP") == "" {
		os.RemoveAll(c.dir)
	}
}

// command is one of SLURM's.
func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = c.env(), c.dir
	return cmd
}

// do runs a command of SLURM that has to end well.
func (c *cluster) do(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = c.env(), c.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// job is one that was submitted, in a folder of its own.
type job struct {
	t   testing.TB
	c   *cluster
	id  string
	dir string
}

// submit queues a script of this folder with options for sbatch and arguments for
// the script.
func (c *cluster) submit(t testing.TB, dir, script string, options, args []string, env ...string) *job {
	t.Helper()
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.command("sbatch", append(append(append([]string{"--parsable", "--chdir=" + dir}, options...), path), args...)...)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sbatch %s: %v\n%s", script, err, out)
	}
	return &job{t, c, strings.TrimSpace(string(out)), dir}
}

// state is what SLURM says of the job: "JobState" and other fields.
func (j *job) state(field string) string {
	out := j.c.do(j.t, "scontrol", "show", "job", "-o", j.id)
	m := regexp.MustCompile(`\b` + field + `=(\S*)`).FindStringSubmatch(out)
	if m == nil {
		return ""
	}
	return m[1]
}

// output is what the job printed.
func (j *job) output() string {
	all, _ := filepath.Glob(filepath.Join(j.dir, "*-"+j.id+".out"))
	text := ""
	for _, f := range all {
		b, _ := os.ReadFile(f)
		text += string(b)
	}
	return text
}

// until waits for something of the job.
func (j *job) until(what string, limit time.Duration, done func() bool) {
	j.t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			j.t.Fatalf("job %s: no %s within %v; it is %s (%s)\n%s", j.id, what, limit, j.state("JobState"), j.state("Reason"), j.output())
		}
	}
}

// gone waits until nothing of the job is left on the nodes, as there is not after
// the two minutes that SLURM leaves between a requeue and the next start.
func (j *job) gone() {
	j.t.Helper()
	j.until("end of its slurmstepd", time.Minute, func() bool {
		all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, name := range all {
			if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte("slurmstepd: ["+j.id+".")) {
				return false
			}
		}
		return true
	})
}

// logs are the lines of SLURM's logs that name the job.
func (j *job) logs() string {
	word, text := regexp.MustCompile(`(?i)(job|jobid=|step(id)?=| \[)`+j.id+`\b|job `+j.id+`\b|error`), ""
	for _, name := range []string{"slurmctld.log", "slurmd-n1.log", "slurmd-n2.log"} {
		b, _ := os.ReadFile(j.c.path(name))
		for line := range strings.Lines(string(b)) {
			if word.MatchString(line) {
				text += name + ": " + line
			}
		}
	}
	return text
}

// ends waits for the end of the job, in this state.
func (j *job) ends(state string, limit time.Duration) {
	j.t.Helper()
	var is string
	j.until("end", limit, func() bool {
		is = j.state("JobState")
		return is != "PENDING" && is != "RUNNING" && is != "COMPLETING" && is != "CONFIGURING"
	})
	if is != state {
		j.t.Fatalf("job %s ended as %s, want %s, exit status %s\n%s\n%s", j.id, is, state, j.state("ExitCode"), j.output(), j.logs())
	}
}

// update changes the job, which SLURM obeys at its next look (every 30 s).
func (j *job) update(what string) {
	j.t.Helper()
	j.c.do(j.t, "scontrol", "update", "JobId="+j.id, what)
}
