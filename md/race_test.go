//go:build race

package md

const race = true // everything takes ten times longer
