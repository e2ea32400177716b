package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// asm writes for one vector width: 16 lanes of AVX-512 with 32 registers, or 8
// lanes of AVX2 with 16.
type asm struct {
	*build.Context
	lanes  int
	shared bool // adders are the multipliers: an addition costs as much as a multiply-add
	label  int
	args   reg.GPVirtual          // convArgs of the function
	data   map[string]operand.Mem // constants of the file
}

// bytes of one vector.
func (a *asm) size() int { return 4 * a.lanes }

// name appends the path's name.
func (a *asm) name(s string) string {
	switch {
	case a.shared:
		return s + "FMA512"
	case a.lanes == 16:
		return s + "AVX512"
	}
	return s + "AVX2"
}

// function begins a function named for the path.
func (a *asm) function(name, signature, doc string) {
	name = a.name(name)
	a.label++
	a.TEXT(name, attr.NOSPLIT, "func"+signature)
	a.Doc(strings.Split(name+" "+doc, "\n")...)
	a.Pragma("noescape")
}

func (a *asm) TEXT(name string, at attr.Attribute, signature string) {
	a.Function(name)
	a.Attributes(at)
	a.SignatureExpr(signature)
}

// lab is a label of the current function, ref a jump's target.
func (a *asm) lab(s string) string           { return fmt.Sprintf("%s%d", s, a.label) }
func (a *asm) ref(s string) operand.LabelRef { return operand.LabelRef(a.lab(s)) }

// unique makes a label.
func (a *asm) unique(s string) string {
	a.label++
	return fmt.Sprintf("%s%d", s, a.label)
}

func (a *asm) vec() reg.VecVirtual {
	if a.lanes == 16 {
		return a.ZMM()
	}
	return a.YMM()
}

func (a *asm) vecs(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = a.vec()
	}
	return v
}

// arg loads a parameter into a general register.
func (a *asm) arg(name string) reg.GPVirtual {
	r := a.GP64()
	a.Load(a.Param(name), r)
	return r
}

func (a *asm) zero(v reg.VecVirtual) { a.VXORPS(v, v, v) }

func (a *asm) load(m operand.Mem, v reg.VecVirtual)  { a.VMOVUPS(m, v) }
func (a *asm) store(v reg.VecVirtual, m operand.Mem) { a.VMOVUPS(v, m) }
func (a *asm) bcast(m operand.Mem, v reg.VecVirtual) { a.VBROADCASTSS(m, v) }

// fma is acc += x·y; y may be in memory.
func (a *asm) fma(acc, x reg.VecVirtual, y operand.Op) { a.VFMADD231PS(y, x, acc) }

func (a *asm) ret() {
	a.VZEROUPPER()
	a.RET()
}

func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func imm(n int) operand.Op { return operand.I32(n) }
