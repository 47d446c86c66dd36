"""What a text has to look like, in words: a reader of a problem should not have to read a regular expression."""

WORDS = {
    r"^[\x21-\x7e]{1,255}$": "Use 1 to 255 printable ASCII characters without blanks.",
    r"^[^\x00-\x1f\x7f\ufffd]+$": "Use at least one character, and no control characters.",
    r"^[^\x00-\x1f\x7f\ufffd]*$": "Use no control characters.",
    r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$": "Use at most 64 letters, digits and . _ : / -; begin with a letter or digit.",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$": "Use at most 64 letters, digits and . _ / -; begin with a letter or digit.",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}:[^\x00-\x1f\x7f\ufffd]*$": "Write KEY:VALUE, such as team:vision.",
    r"^(\d{1,18})?$": "Use a number of at most 18 digits.",
    r"^[a-z0-9][a-z0-9._-]{0,63}$": "Use at most 64 small letters, digits and . _ -; begin with a letter or digit.",
    r"^[a-z0-9][a-z0-9.-]{0,63}$": "Use at most 64 small letters, digits and . -; begin with a letter or digit.",
    r"^[^\x00]*[^\x00-\x20\s][^\x00]*$": "Use at least one character that is not blank, and no NUL.",
    r"^[^\x00-\x1f]*[^\x00-\x20\s][^\x00-\x1f]*$": "Use at least one character that is not blank, and no control characters.",
}
