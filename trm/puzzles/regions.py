"""Regions of a grid as text: a letter for every cell, the same for all cells of a region."""

from string import ascii_lowercase, ascii_uppercase, digits

NAMES = ascii_uppercase + ascii_lowercase + digits  # in the order in which regions occur
NO_REGION = "."


def name_regions(given: str) -> str:
    """Regions named A, B, C, .. as they occur, however they were named; raises ValueError for more than there are names."""
    labels = [label for label in given if not label.isspace()]
    order = [label for label in dict.fromkeys(labels) if label != NO_REGION]
    if len(order) > len(NAMES):
        raise ValueError(f"{len(order)} regions are too many: {len(NAMES)} at most")
    names = {NO_REGION: NO_REGION, **dict(zip(order, NAMES, strict=False))}
    return "".join(names[label] for label in labels)


def is_jigsaw(regions: str, size: int) -> bool:
    """Whether these divide a size x size grid into as many regions of as many cells each."""
    counts = {label: regions.count(label) for label in regions}
    return len(regions) == size * size and NO_REGION not in counts and list(counts.values()) == [size] * size
