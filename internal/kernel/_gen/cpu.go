package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// cpu writes what golang.org/x/sys/cpu does not tell.
func cpu(c *build.Context) {
	c.Function("vendor")
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr("func() (ebx, edx, ecx uint32)")
	c.Doc("vendor is the processor's maker, twelve letters in this order.")
	c.XORL(reg.EAX, reg.EAX)
	c.XORL(reg.ECX, reg.ECX)
	c.CPUID()
	c.Store(reg.EBX, c.Return("ebx"))
	c.Store(reg.EDX, c.Return("edx"))
	c.Store(reg.ECX, c.Return("ecx"))
	c.RET()
}
