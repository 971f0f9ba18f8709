"""A stand-in for Amazon SES v2, SNS and STS on loopback, as strict as the real services."""
