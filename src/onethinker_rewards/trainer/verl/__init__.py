"""What runs inside verl's processes. These modules import verl, but for ``batch``; nothing else imports them."""
