#!/bin/sh
# One piece of a training on a borrowed machine: go on where the last piece stopped, train for some minutes, hand back what came of it.
#
#   PRESET=sudoku-extreme-1h MINUTES=7 OUT=/somewhere sh deploy/gpu/train.sh [--set train.steps=8000 ...]
#
# The machine needs Python with torch, numpy, safetensors, pydantic, typer and rich, and no network. Settings, as environment variables:
#   OUT       new files for the way back: events.jsonl, gpu.csv, validation.json, and pack/ or, when the training has ended, model/
#   RUN       where checkpoints stay on the machine; a next piece on the same machine goes on from there, exactly
#   PIECES    a pack of an earlier machine, to go on from when RUN is empty
#   MINUTES   of training with loading; validating and packing come after it and need a minute or two
#   LIGHT     --light (small, resumes approximately) or empty (exact, several times the size)
#   MEASURE   when the training has ended: measure the model on so many test puzzles, for its card (0: do not)
#   COST      in words, what all pieces took together; LICENCE: of the weights; both for the card
# Arguments are for `python -m trm train` and count for the first piece only: a checkpoint knows its configuration.
set -eu
cd "$(dirname "$0")/../.."
: "${OUT:?name a folder for what is to be handed back}"
PYTHON=${PYTHON:-python3} PRESET=${PRESET:-sudoku-extreme-1h} MINUTES=${MINUTES:-7} RUN=${RUN:-.gpu/run} PIECES=${PIECES:-.gpu/pieces}
DEVICE=${DEVICE:-cuda} CHECKPOINT_MINUTES=${CHECKPOINT_MINUTES:-2} LIGHT=${LIGHT---light} MEASURE=${MEASURE:-0}
COST=${COST:-unknown} LICENCE=${LICENCE:-unknown}
export PYTHONUNBUFFERED=1
"$PYTHON" -c 'import numpy, pydantic, rich, safetensors, torch, typer' # fails now, and says what is missing
mkdir -p "$RUN" "$OUT"

if [ -f "$PIECES/pack.json" ] && ! ls -d "$RUN"/step_* >/dev/null 2>&1; then
    "$PYTHON" -m trm unpack "$PIECES" --out "$RUN"
fi
if ls -d "$RUN"/step_* >/dev/null 2>&1; then
    set -- --resume "$RUN"
else
    set -- --preset "$PRESET" "$@"
fi

watcher=
if command -v nvidia-smi >/dev/null 2>&1; then
    nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used,power.draw --format=csv --loop=5 >"$OUT/gpu.csv" &
    watcher=$!
fi
trap '[ -z "$watcher" ] || kill "$watcher"' EXIT

"$PYTHON" -m trm train --out "$RUN" --device "$DEVICE" --minutes "$MINUTES" --checkpoint-minutes "$CHECKPOINT_MINUTES" --events "$@" \
    >"$OUT/events.jsonl" || { tail -n 1 "$OUT/events.jsonl"; exit 1; }
grep -v '"event": "updated"' "$OUT/events.jsonl" | tail -n 5 | cut -c 1-400

newest=$(ls -d "$RUN"/step_* | tail -n 1)
"$PYTHON" -m trm evaluate --checkpoint "$newest" --split validation --limit 1000 --device "$DEVICE" --json | tee "$OUT/validation.json"
if ! grep -q '"event": "finished"' "$OUT/events.jsonl"; then
    # shellcheck disable=SC2086  # empty means no option
    "$PYTHON" -m trm pack "$newest" --out "$OUT/pack" $LIGHT
elif [ "$MEASURE" -gt 0 ]; then
    "$PYTHON" -m trm export "$newest" --out "$OUT/model" --dtype bfloat16 --measure --limit "$MEASURE" --device "$DEVICE" --cost "$COST" --licence "$LICENCE"
else
    "$PYTHON" -m trm export "$newest" --out "$OUT/model" --dtype bfloat16 --cost "$COST" --licence "$LICENCE"
fi
