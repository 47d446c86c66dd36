"""Why the embedded stack cannot do what was asked."""


class StackError(Exception):
    """A sentence for the operator: what is wrong and what to do."""
