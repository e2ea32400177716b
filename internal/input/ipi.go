package input

import (
	"net"
	"strconv"
	"strings"
)

// IPI makes a run a client of i-PI or of ASE's SocketIOCalculator, which move the
// atoms.
type IPI struct {
	Unix string  `toml:"unix,omitempty" doc:"Unix socket of the server: a name, for /tmp/ipi_NAME, or a path"`
	Host string  `toml:"host,omitempty" doc:"host of a server on TCP; default localhost"`
	Port int     `toml:"port,omitempty" doc:"its port; i-PI's and ASE's default is 31415"`
	Wait float64 `toml:"wait_s,omitempty" doc:"how long to wait for the server to appear, s; default 60"`
}

// On is whether the section says anything.
func (i *IPI) On() bool { return *i != IPI{} }

// Address is what to connect to.
func (i *IPI) Address() (network, address string) {
	switch {
	case strings.HasPrefix(i.Unix, "/"):
		return "unix", i.Unix
	case i.Unix != "":
		return "unix", "/tmp/ipi_" + i.Unix
	}
	return "tcp", net.JoinHostPort(i.Host, strconv.Itoa(i.Port))
}

// ipi looks at the section and refuses what the server decides.
func (c *Config) ipi(k *checker) {
	i := &c.IPI
	switch {
	case i.Unix != "" && (i.Host != "" || i.Port != 0):
		k.bad("ipi.unix", "excludes host and port")
	case i.Unix != "":
	case i.Port < 1 || i.Port > 65535:
		k.bad("ipi.port", "%d: give port, from 1 to 65535, or unix", i.Port)
	case i.Host == "":
		i.Host = "localhost"
	}
	if i.Wait == 0 {
		i.Wait = 60
	}
	k.positive("ipi.wait_s", i.Wait, 1e6)
	if c.Parallel.Skin == AutoSkin {
		k.bad("parallel.skin_A", "\"auto\" needs a temperature, which the server of [ipi] has: give a length")
	}
	d := Default()
	for _, own := range []struct {
		key string
		set bool
	}{
		{"dynamics.steps", c.Dynamics.Steps != nil}, {"dynamics.temperature_K", c.Dynamics.Temperature != nil},
		{"dynamics.ensemble", c.Dynamics.Ensemble != d.Dynamics.Ensemble}, {"output.dump", len(c.Output.Dump) > 0},
		{"restart.every", c.Restart.Every != 0}, {"group", len(c.Group) > 0},
		{"observe", c.Observe.Any()},
	} {
		if own.set {
			k.bad(own.key, "the server of [ipi] moves the atoms: leave it out")
		}
	}
}
