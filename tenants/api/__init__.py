"""What every endpoint under /api/v1/ shares: keys, scopes, errors, paging, strict bodies.

settings.REST_FRAMEWORK makes these the defaults, so a view says only what is its own: its
`scope`, its serializers, and, where anybody may call it, `authentication_classes = []` and
`permission_classes = []`.
"""
