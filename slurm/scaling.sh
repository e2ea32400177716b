#!/bin/bash
# Strong or weak scaling of a model: submits one job for each layout, and one that
# puts the results together when all have ended: a table, scaling.json,
# scaling.csv and the plot scaling.svg.
#
#   slurm/scaling.sh strong|weak MODEL ATOMS LAYOUT… [-- options of sbatch]
#   slurm/scaling.sh strong sevennet-0 100000 1x8x8 2x8x8 4x8x8 -- --time=1:00:00 --exclusive
#
# A LAYOUT is nodes × processes on each × ranks (cores) of each process. ATOMS is
# the number of all (strong), or of each rank (weak). Set in the environment:
#
#   OUT               folder of the results (default scaling-strong or scaling-weak)
#   STRUCTURE, STEPS  of wigner bench (default si, 20)
#   WIGNER            the program (default: the one on PATH)
#   WIGNER_SRUN_MPI   pmix (default) for Open MPI, pmi2 for MPICH and its relatives
set -euo pipefail

usage() {
	sed -n '2,/^set/{s/^# \{0,1\}//;/^set/d;p}' "$0" >&2
	exit 2
}
[ $# -ge 4 ] || usage
mode=$1 model=$2 atoms=$3
shift 3
case $mode in strong | weak) ;; *) usage ;; esac
layouts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[[ $1 =~ ^[0-9]+x[0-9]+x[0-9]+$ ]] || { echo "scaling.sh: $1 is no layout such as 2x8x8" >&2; exit 2; }
	layouts+=("$1")
	shift
done
[ ${#layouts[@]} -gt 0 ] || usage
[ $# -gt 0 ] && shift # the --

export MODE=$mode MODEL=$model ATOMS=$atoms STRUCTURE=${STRUCTURE:-si} STEPS=${STEPS:-20}
export OUT=${OUT:-scaling-$mode} WIGNER=${WIGNER:-wigner} WIGNER_SRUN_MPI=${WIGNER_SRUN_MPI:-pmix}
mkdir -p "$OUT"
rm -f "$OUT"/point-*.json # of an earlier time
export LAYOUTS=${layouts[*]}
here=$(cd "$(dirname "$0")" && pwd)
after=

# refused ends it all: half a series is of no use.
refused() {
	echo "scaling.sh: sbatch does not take $1; the jobs before are cancelled" >&2
	IFS=: read -ra ids <<<"${after#:}"
	[ ${#ids[@]} -eq 0 ] || scancel "${ids[@]}"
	exit 1
}

for layout in "${layouts[@]}"; do
	IFS=x read -r nodes tasks cores <<<"$layout"
	id=$(LAYOUT=$layout sbatch --parsable --nodes="$nodes" --ntasks-per-node="$tasks" --cpus-per-task="$cores" \
		--output="$OUT/job-$layout.out" "$@" "$here/scaling.sbatch") || refused "$layout"
	echo "$layout: job ${id%%;*}"
	after=$after:${id%%;*}
done
# The caller's options here too: clusters want an account or a partition of every job.
id=$(LAYOUT=collect sbatch --parsable "$@" --dependency="afterany$after" --nodes=1 --ntasks=1 --ntasks-per-node=1 --cpus-per-task=1 \
	--output="$OUT/scaling.out" "$here/scaling.sbatch") || refused "the collecting job"
echo "results: job ${id%%;*}, then $OUT/scaling.out, .json, .csv and .svg"
