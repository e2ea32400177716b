// Command readme writes the tables of configuration keys into README.md,
// docs/properties.md and docs/training.md, from the structs of internal/input.
//
// Usage: go run ./tools/readme [-check]
//
// With -check it writes nothing and fails where the table is not current.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/wigner-md/wigner/internal/input"
)

const (
	begin = "<!-- begin of the keys: written by `make generate`, do not edit -->\n"
	end   = "<!-- end of the keys -->\n"
)

func main() {
	check := flag.Bool("check", false, "fail where the table is not current, write nothing")
	flag.Parse()
	for _, page := range []struct {
		name string
		rows []input.Row
	}{{"README.md", input.Rows()}, {"docs/properties.md", input.JobRows()}, {"docs/training.md", input.TrainRows()}} {
		if err := run(page.name, page.rows, *check); err != nil {
			fmt.Fprintln(os.Stderr, "readme:", err)
			os.Exit(1)
		}
	}
}

func run(name string, rows []input.Row, check bool) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text := string(old)
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		return fmt.Errorf("%s has no lines %q and %q", name, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	text = text[:i+len(begin)] + table(rows) + text[j:]
	switch {
	case text == string(old):
		return nil
	case check:
		return fmt.Errorf("the table of keys in %s is not current: make generate", name)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// table is Markdown, one table per section.
func table(rows []input.Row) string {
	var b strings.Builder
	section := ""
	for _, r := range rows {
		s, key, _ := strings.Cut(r.Key, ".")
		if s != section {
			section = s
			fmt.Fprintf(&b, "\n#### [%s]\n\n| key | type | default | meaning |\n|---|---|---|---|\n", s)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key, r.Type, quoted(r.Default), cell(r.Doc))
	}
	return b.String() + "\n"
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell makes text safe inside a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
