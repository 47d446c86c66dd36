"""How far a share that was counted on n puzzles may be from the true one: Wilson's interval."""

from math import sqrt

Z95 = 1.959964  # standard normal, two-sided 95 %


def wilson(right: int, n: int) -> tuple[float, float]:
    """The interval of the share right / n; unlike the textbook one it stays within 0..1 and is right near both ends."""
    if n < 1:
        raise ValueError("an interval needs at least one observation")
    share, spread = right / n, Z95 * Z95 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return (0.0 if right == 0 else max(0.0, middle - half)), (1.0 if right == n else min(1.0, middle + half))
