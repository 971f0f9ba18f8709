"""What a domain's DNS says, asked of the servers that are responsible for it."""
