"""Tiny Recursive Models: the library. Imports nothing, so that its torch-free packages load without torch.

From top to bottom, as imports run:

cli              every command of `python -m trm`
interop          official checkpoints, golden vectors, export
experiments      ablations side by side, their plots
training         session (the loop), trainer (one update), its state, losses, optimizers, schedule, validation
evaluation       accuracy on puzzles and on ARC, measurements for a model's card
solving          solver, engine and slots: chains of thinking until a solution
data             splits, feeds, augmentation
checkpoints      checkpoint, its writer, tensor files, packs
network          layers, recursion and its variants, model, and how they use a machine
interface        effort, solution, events, shipped models, measurements; no torch
config           model, training, run, presets, ablations; no torch
puzzles          kinds, rules, symmetries, data sets, ARC, pictures; no torch
errors, version
"""
