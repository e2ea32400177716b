package torch

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// maxValues is how many containers and objects a pickle may make; the published files make a few thousand.
const maxValues = 4 << 20

// unpickler is the stack machine of pickle protocols 2 to 4, for the opcodes that files of values and
// tensors hold. Opcodes by their names in Python's pickletools.
type unpickler struct {
	c     *container
	inert func(module, name string) bool
	data  []byte
	pos   int
	start int // of the current opcode, for messages
	stack []any
	marks []int
	memo  map[uint32]any
	made  int
	bytes int64 // left for values that are longer than what the pickle spends on them
}

// unpickle runs a pickle and returns its value in plain Go types.
func unpickle(c *container, data []byte, inert func(module, name string) bool) (any, error) {
	u := &unpickler{c: c, inert: inert, data: data, memo: map[uint32]any{}, bytes: 16<<20 + 16*int64(len(data))}
	v, err := u.run()
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", u.start, err)
	}
	p := plainer{done: map[any]any{}}
	return p.plain(v, 0)
}

// spend charges n bytes to what a pickle may make the program allocate.
func (u *unpickler) spend(n int64) error {
	if u.bytes -= n; u.bytes < 0 {
		return fmt.Errorf("values grow out of proportion to the pickle of %d bytes", len(u.data))
	}
	return nil
}

func (u *unpickler) run() (any, error) {
	for {
		u.start = u.pos
		op, err := u.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' { // STOP
			v, err := u.pop()
			if err == nil && (len(u.stack) > 0 || len(u.marks) > 0) {
				err = fmt.Errorf("%d values left over at the end", len(u.stack))
			}
			return v, err
		}
		if err := u.step(op[0]); err != nil {
			return nil, err
		}
	}
}

// step executes one opcode. The groups are in the order of Python's pickletools.
func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		b, err := u.take(1)
		if err == nil && (b[0] < 2 || b[0] > 5) {
			err = fmt.Errorf("pickle protocol %d; known are 2 to 5", b[0])
		}
		return err
	case 0x95: // FRAME: its length only helps reading in pieces
		_, err := u.take(8)
		return err
	case '(': // MARK
		u.marks = append(u.marks, len(u.stack))
		return nil
	case '0': // POP
		_, err := u.pop()
		return err
	case 'N':
		return u.push(nil)
	case 0x88: // NEWTRUE
		return u.push(true)
	case 0x89: // NEWFALSE
		return u.push(false)
	case 'J', 'K', 'M', 'G', 0x8a: // BININT, BININT1, BININT2, BINFLOAT, LONG1
		return u.number(op)
	case 'X', 0x8c, 0x8d, 'B', 'C', 0x8e: // BINUNICODE and short and long forms, BINBYTES likewise
		return u.text(op)
	case ']', ')', '}', 0x8f, 't', 'l', 'd', 0x85, 0x86, 0x87, 0x91:
		return u.container(op)
	case 'a', 'e', 's', 'u', 0x90:
		return u.fill(op)
	case 'q', 'r', 0x94, 'h', 'j':
		return u.memory(op)
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return u.global(op)
	case 'R', 0x81, 'b', 'Q':
		return u.call(op)
	}
	return fmt.Errorf("opcode 0x%02x is not one that this kind of file needs", op)
}

func (u *unpickler) number(op byte) error {
	size := map[byte]int{'J': 4, 'K': 1, 'M': 2, 'G': 8, 0x8a: 1}[op]
	b, err := u.take(size)
	if err != nil {
		return err
	}
	switch op {
	case 'J':
		return u.push(int64(int32(binary.LittleEndian.Uint32(b))))
	case 'K':
		return u.push(int64(b[0]))
	case 'M':
		return u.push(int64(binary.LittleEndian.Uint16(b)))
	case 'G':
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	n := int(b[0]) // LONG1: little-endian two's complement of n bytes
	if b, err = u.take(n); err != nil {
		return err
	}
	if n > 8 {
		return fmt.Errorf("an integer of %d bytes", n)
	}
	var x int64
	for i := n - 1; i >= 0; i-- {
		x = x<<8 | int64(b[i])
	}
	if n > 0 && n < 8 && b[n-1] >= 0x80 {
		x -= 1 << (8 * n)
	}
	return u.push(x)
}

func (u *unpickler) text(op byte) error {
	width := map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'B': 4, 'C': 1, 0x8e: 8}[op]
	b, err := u.take(width)
	if err != nil {
		return err
	}
	var n uint64
	for i := width - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	if n > uint64(len(u.data)) {
		return fmt.Errorf("a text of %d bytes in a pickle of %d", n, len(u.data))
	}
	if b, err = u.take(int(n)); err != nil {
		return err
	}
	if op == 'B' || op == 'C' || op == 0x8e {
		return u.push(append([]byte{}, b...))
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("a text that is not UTF-8")
	}
	return u.push(string(b))
}

// container makes a list, tuple, dict or set.
func (u *unpickler) container(op byte) error {
	switch op {
	case ']', 0x8f: // EMPTY_LIST, EMPTY_SET
		return u.push(&list{})
	case ')': // EMPTY_TUPLE
		return u.push(&tuple{})
	case '}': // EMPTY_DICT
		return u.push(&dict{})
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		elems := make([]any, int(op-0x85)+1)
		for i := len(elems) - 1; i >= 0; i-- {
			var err error
			if elems[i], err = u.pop(); err != nil {
				return err
			}
		}
		return u.push(&tuple{elems})
	}
	elems, err := u.popMark()
	if err != nil {
		return err
	}
	switch op {
	case 't': // TUPLE
		return u.push(&tuple{elems})
	case 'd': // DICT
		d := &dict{}
		if err := u.setItems(d, elems); err != nil {
			return err
		}
		return u.push(d)
	}
	return u.push(&list{elems}) // LIST, FROZENSET
}

// fill adds to the container below the added values.
func (u *unpickler) fill(op byte) error {
	var elems []any
	var err error
	switch op {
	case 'e', 'u', 0x90: // APPENDS, SETITEMS, ADDITEMS
		elems, err = u.popMark()
	case 'a': // APPEND
		elems = make([]any, 1)
		elems[0], err = u.pop()
	case 's': // SETITEM
		elems = make([]any, 2)
		if elems[1], err = u.pop(); err == nil {
			elems[0], err = u.pop()
		}
	}
	if err != nil {
		return err
	}
	top, err := u.top()
	if err != nil {
		return err
	}
	if op == 's' || op == 'u' {
		switch c := top.(type) {
		case *dict:
			return u.setItems(c, elems)
		case *object:
			return u.setItems(&c.items, elems)
		}
		return fmt.Errorf("items set on %s", kind(top))
	}
	switch c := top.(type) {
	case *list:
		c.elems = append(c.elems, elems...)
	case *object:
		c.list.elems = append(c.list.elems, elems...)
	default:
		return fmt.Errorf("elements added to %s", kind(top))
	}
	return nil
}

func (u *unpickler) setItems(d *dict, elems []any) error {
	if len(elems)%2 != 0 {
		return fmt.Errorf("a key without a value")
	}
	for i := 0; i < len(elems); i += 2 {
		if err := d.set(elems[i], elems[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// memory stores the top value under a number, or fetches one.
func (u *unpickler) memory(op byte) error {
	index := uint32(len(u.memo)) // MEMOIZE
	switch op {
	case 'q', 'h': // BINPUT, BINGET
		b, err := u.take(1)
		if err != nil {
			return err
		}
		index = uint32(b[0])
	case 'r', 'j': // LONG_BINPUT, LONG_BINGET
		b, err := u.take(4)
		if err != nil {
			return err
		}
		index = binary.LittleEndian.Uint32(b)
	}
	if op == 'h' || op == 'j' {
		v, ok := u.memo[index]
		if !ok {
			return fmt.Errorf("memo %d is fetched before it is stored", index)
		}
		u.stack = append(u.stack, v)
		return nil
	}
	v, err := u.top()
	if err != nil {
		return err
	}
	u.memo[index] = v
	return nil
}

func (u *unpickler) global(op byte) error {
	var module, name string
	if op == 'c' {
		var err error
		if module, err = u.line(); err != nil {
			return err
		}
		if name, err = u.line(); err != nil {
			return err
		}
	} else {
		n, err := u.pop()
		if err != nil {
			return err
		}
		m, err := u.pop()
		if err != nil {
			return err
		}
		var ok1, ok2 bool
		module, ok1 = m.(string)
		name, ok2 = n.(string)
		if !ok1 || !ok2 {
			return fmt.Errorf("global of %s and %s", kind(m), kind(n))
		}
	}
	g, err := u.lookup(module, name)
	if err != nil {
		return err
	}
	return u.push(g)
}

// call answers REDUCE, NEWOBJ, BUILD and BINPERSID.
func (u *unpickler) call(op byte) error {
	arg, err := u.pop()
	if err != nil {
		return err
	}
	if op == 'Q' { // BINPERSID
		s, err := u.persistent(arg)
		if err != nil {
			return err
		}
		return u.push(s)
	}
	if op == 'b' { // BUILD
		top, err := u.top()
		if err != nil {
			return err
		}
		return u.build(top, arg)
	}
	args, ok := arg.(*tuple)
	if !ok {
		return fmt.Errorf("call with %s as arguments", kind(arg))
	}
	f, err := u.pop()
	if err != nil {
		return err
	}
	switch f := f.(type) {
	case Class:
		return u.push(&object{class: f, args: args.elems})
	case *global:
		if f.call == nil {
			return fmt.Errorf("%s is called", kind(f))
		}
		v, err := f.call(u, args.elems)
		if err != nil {
			return err
		}
		return u.push(v)
	}
	return fmt.Errorf("%s is called", kind(f))
}

// build is BUILD: the state of the object on top of the stack.
func (u *unpickler) build(top, state any) error {
	switch v := top.(type) {
	case *object:
		v.state = state
		return nil
	case *ndarray:
		return v.build(u, state)
	case *dtype:
		return v.build(state)
	case *dict, *Tensor: // attributes of an OrderedDict (_metadata of a state_dict) or a parameter: not needed
		return nil
	}
	return fmt.Errorf("state set on %s", kind(top))
}

// take returns the next n bytes of the pickle.
func (u *unpickler) take(n int) ([]byte, error) {
	if n > len(u.data)-u.pos {
		return nil, fmt.Errorf("the pickle ends too early: %d bytes wanted, %d left", n, len(u.data)-u.pos)
	}
	b := u.data[u.pos : u.pos+n]
	u.pos += n
	return b, nil
}

// line returns the text up to the next newline.
func (u *unpickler) line() (string, error) {
	for i := u.pos; i < len(u.data) && i < u.pos+1024; i++ {
		if u.data[i] == '\n' {
			s := string(u.data[u.pos:i])
			u.pos = i + 1
			return s, nil
		}
	}
	return "", fmt.Errorf("a global's name without an end")
}

func (u *unpickler) push(v any) error {
	if u.made++; u.made > maxValues {
		return fmt.Errorf("more than %d values", maxValues)
	}
	u.stack = append(u.stack, v)
	return nil
}

// pop takes the top value, which must stand above the last mark.
func (u *unpickler) pop() (any, error) {
	v, err := u.top()
	if err == nil {
		u.stack = u.stack[:len(u.stack)-1]
	}
	return v, err
}

func (u *unpickler) top() (any, error) {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	if len(u.stack) <= floor {
		return nil, fmt.Errorf("the stack is empty")
	}
	return u.stack[len(u.stack)-1], nil
}

// popMark takes the values above the last mark, and the mark.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, fmt.Errorf("no mark on the stack")
	}
	at := u.marks[len(u.marks)-1]
	u.marks = u.marks[:len(u.marks)-1]
	elems := append([]any{}, u.stack[at:]...)
	u.stack = u.stack[:at]
	return elems, nil
}
