"""How English pages write a day: with the day first, as the rest of our pages do."""

DATE_FORMAT = "j F Y"
