//go:build race

package inproc_test

const race = true // everything takes ten times longer
