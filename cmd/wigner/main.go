// Command wigner runs equivariant interatomic potentials on large crystals.
package main

func main() {}
