// Package restart reads and writes the state of a run: a folder of numbered
// generations, each with one shard per brick and a manifest. The manifest is
// renamed into place last: a generation without one does not exist.
//
//	restart/000041/rank-00000.bin
//	               rank-00001.bin
//	               manifest.bin
//	        000042/…
//
// The package knows bytes and files only. The order of the steps between ranks
// is md.Checkpoint's. The format is drawn byte by byte in
// docs/formats/restart.md.
package restart
