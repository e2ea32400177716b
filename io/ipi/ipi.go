// Package ipi is the client side of the i-PI socket protocol, by which i-PI or ASE's
// SocketIOCalculator move atoms and ask for energy, forces and virial.
// docs/formats/ipi.md describes the messages.
//
// References: V. Kapil et al., Comput. Phys. Commun. 236, 214 (2019),
// doi:10.1016/j.cpc.2018.09.020; ASE, ase.calculators.socketio.
package ipi

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"
)

// The protocol is in atomic units. These are ASE's, of CODATA 2014, so that what ASE
// multiplies by them comes out as it was; those of CODATA 2018 differ by 8e-9.
const (
	bohr    = 0.5291772105638411 // Å
	hartree = 27.211386024367243 // eV
)

// header is the length of a message's name.
const header = 12

// Client talks to one server. It is used by one goroutine.
type Client struct {
	conn io.ReadWriteCloser
	r    *bufio.Reader
	what string // the message in hand, for errors
	buf  []byte

	have   bool // an answer waits
	energy float64
	forces [][3]float64
	virial [3][3]float64
}

// Positions is what a server asks about.
type Positions struct {
	Cell [3][3]float64 // rows are lattice vectors, Å; zero where the server has none
	X    [][3]float64  // Å; valid until the next call
}

// Dial connects by "unix" or "tcp", trying again for a while where there is no
// server yet.
func Dial(network, address string, wait time.Duration) (*Client, error) {
	deadline := time.Now().Add(wait)
	for {
		conn, err := net.DialTimeout(network, address, max(time.Until(deadline), time.Second))
		if err == nil {
			return New(conn), nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("ipi: no server at %s %s within %v: %w", network, address, wait, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// New talks over an open connection.
func New(conn io.ReadWriteCloser) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, 1<<16)}
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Next serves the server until it sends positions of n atoms, which must then be
// answered by Answer. The error is io.EOF when the server says EXIT or closes the
// connection between two messages.
func (c *Client) Next(n int) (*Positions, error) {
	for {
		c.what = "a header"
		name, err := c.name()
		if err != nil {
			return nil, err
		}
		c.what = name
		switch name {
		case "STATUS":
			if c.have {
				err = c.send("HAVEDATA")
			} else {
				err = c.send("READY")
			}
		case "INIT":
			err = c.skipInit()
		case "GETFORCE":
			err = c.reply()
		case "POSDATA":
			return c.positions(n)
		case "EXIT":
			return nil, io.EOF
		default:
			err = fmt.Errorf("ipi: the server sends %q, which is no message of the protocol", name)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Answer keeps energy (eV), forces (eV/Å) and virial (eV, positive under
// compression) until the server asks for them. The forces are read until then.
func (c *Client) Answer(energy float64, forces [][3]float64, virial [3][3]float64) {
	c.have, c.energy, c.forces, c.virial = true, energy, forces, virial
}

// name reads a header.
func (c *Client) name() (string, error) {
	var h [header]byte
	n, err := io.ReadFull(c.r, h[:])
	if n == 0 && errors.Is(err, io.EOF) {
		return "", io.EOF
	}
	if err != nil {
		return "", c.broken(err)
	}
	return strings.TrimRight(string(h[:]), " \x00"), nil
}

func (c *Client) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ipi: the server closed the connection in the middle of %s", c.what)
	}
	return fmt.Errorf("ipi: the connection broke in the middle of %s: %w", c.what, err)
}

// bytes reads n bytes; they are valid until the next call.
func (c *Client) bytes(n int) ([]byte, error) {
	// A length is a claim: room is made as the bytes come.
	for at := 0; at < n; {
		next := min(n, max(2*at, 1<<20))
		if len(c.buf) < next {
			c.buf = append(make([]byte, 0, next), c.buf...)[:next]
		}
		if _, err := io.ReadFull(c.r, c.buf[at:next]); err != nil {
			return nil, c.broken(err)
		}
		at = next
	}
	return c.buf[:n], nil
}

func (c *Client) int32() (int, error) {
	b, err := c.bytes(4)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.LittleEndian.Uint32(b))), nil
}

func (c *Client) skipInit() error {
	if _, err := c.int32(); err != nil { // of the replica
		return err
	}
	n, err := c.int32()
	if err != nil {
		return err
	}
	if n < 0 || n > 1<<24 {
		return fmt.Errorf("ipi: INIT announces %d bytes", n)
	}
	_, err = c.bytes(n)
	return err
}

// real is the k-th number of b.
func real(b []byte, k int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(b[8*k:]))
}

func (c *Client) positions(n int) (*Positions, error) {
	out := &Positions{}
	b, err := c.bytes(2 * 9 * 8) // and the inverse cell, which is not needed
	if err != nil {
		return nil, err
	}
	for k := range 9 {
		x := real(b, k) * bohr
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("ipi: the server's cell is not finite: %v at row %d, column %d", x, k%3+1, k/3+1)
		}
		out.Cell[k%3][k/3] = x
	}
	count, err := c.int32()
	if err != nil {
		return nil, err
	}
	if count != n {
		return nil, fmt.Errorf("ipi: the server sends %d atoms; the structure has %d", count, n)
	}
	if b, err = c.bytes(24 * n); err != nil {
		return nil, err
	}
	out.X = make([][3]float64, n)
	for i := range out.X {
		for k := range 3 {
			x := real(b, 3*i+k) * bohr
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("ipi: the server sends coordinates that are not finite: atom %d, component %d is %v", i+1, k+1, x)
			}
			out.X[i][k] = x
		}
	}
	c.have = false
	return out, nil
}

func (c *Client) send(name string) error {
	_, err := fmt.Fprintf(c.conn, "%-12s", name)
	if err != nil {
		return c.broken(err)
	}
	return nil
}

// extra is what follows the virial: JSON for i-PI, and never empty, as some servers
// cannot read nothing.
const extra = "{}"

func (c *Client) reply() error {
	if !c.have {
		return errors.New("ipi: the server asks for forces before it has sent positions")
	}
	c.have = false
	le := binary.LittleEndian
	b := fmt.Appendf(c.buf[:0], "%-12s", "FORCEREADY")
	put := func(x float64) { b = le.AppendUint64(b, math.Float64bits(x)) }
	put(c.energy / hartree)
	b = le.AppendUint32(b, uint32(len(c.forces)))
	for _, f := range c.forces {
		for _, x := range f {
			put(x * (bohr / hartree))
		}
	}
	for k := range 9 {
		put(c.virial[k%3][k/3] / hartree)
	}
	b = le.AppendUint32(b, uint32(len(extra)))
	b = append(b, extra...)
	c.buf = b[:cap(b)]
	if _, err := c.conn.Write(b); err != nil {
		return c.broken(err)
	}
	return nil
}
