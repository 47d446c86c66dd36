"""Tiny Recursive Models: the science. Imports nothing, so that its torch-free modules load without torch.

what to run      config, presets, ablations, effort; errors
what to run on   puzzles/ (kinds, rules, symmetries, data sets, pictures; no torch), data, feed, arc_feed, augment
the network      layers, recursion, model
training         trainer: an iterator of events; supervision, losses, optimizers, schedule, ema, best, window, checkpoint
solving          solver: chains of thinking until a solution; evaluation, arc_evaluation
side by side     ablate, plots
others' models   interop/ (official checkpoints, golden vectors, export)
from the shell   cli/
"""
