"""The network: how a grid enters it, its layers, the recursion, and how an answer leaves it."""
