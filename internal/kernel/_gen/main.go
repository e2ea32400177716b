// Command gen writes the assembly of internal/kernel. Run it by
//
//	go generate ./internal/kernel
//
// It writes every file anew; a difference means that the committed code is not
// what the generator makes.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	passes "github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	log.SetFlags(0)
	if err := writeArgs(); err != nil {
		log.Fatal(err)
	}
	for _, f := range []struct {
		name string
		body func(*build.Context)
	}{
		{"cpu", cpu},
		{"gemm", gemm},
		{"gemm64", gemm64},
		{"rows", rows},
		{"gate", gates},
		{"edges", edges},
		{"conv", conv},
		{"poly", polys},
		{"fused", fused(16, false)},
		{"fusedfma", fused(16, true)},
		{"fused8", fused8},
	} {
		if err := write(f.name, f.body); err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
	}
	if err := writeRegistry(); err != nil {
		log.Fatal(err)
	}
}

// write makes ../name_amd64.s and its declarations.
func write(name string, body func(*build.Context)) error {
	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	body(c)
	f, err := c.Result()
	if err != nil {
		return err
	}
	for _, fn := range f.Functions() { // one at a time, to name the one that fails
		if err := passes.Compile.Execute(&ir.File{Sections: []ir.Section{fn}}); err != nil {
			return fmt.Errorf("%s: %w", fn.Name, err)
		}
	}
	if err := passes.IncludeTextFlagHeader(f); err != nil {
		return err
	}
	cfg := printer.Config{Name: "internal/kernel/_gen", Pkg: "kernel"}
	for _, o := range []struct {
		file string
		p    printer.Printer
	}{
		{"zasm_" + name + "_amd64.s", printer.NewGoAsm(cfg)},
		{"zasm_" + name + "_amd64.go", printer.NewStubs(cfg)},
	} {
		b, err := o.p.Print(f)
		if err != nil {
			return err
		}
		b = append(bytes.TrimRight(b, "\n"), '\n')
		if err := os.WriteFile(filepath.Join("..", o.file), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
