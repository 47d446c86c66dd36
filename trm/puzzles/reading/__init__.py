"""Puzzles as people write them: files to rows, rows to boards, boards to tokens; every reader of puzzles uses this one."""
