// Package symmetry shows what symmetry means for a model of atoms: it trains models of
// several kinds on small molecules and a crystal, looks at what each makes of structures
// that are moved, turned, mirrored and renumbered, and writes one HTML page with all
// figures and the reasons behind them.
//
// Every number on the page is computed in the run. Trainings are tasks whose results are
// kept in the folder, so that a run that was stopped goes on; a task's result depends on
// the options and the seed and on nothing else.
package symmetry
