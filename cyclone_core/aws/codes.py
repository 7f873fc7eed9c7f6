"""What AWS's error codes mean, for both ways of asking: AWS's library (`errors`) and the lean client. Lean.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and the services' own pages; every service spells the common
ones its own way.
"""

THROTTLED = frozenset((
    "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
    "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
))  # fmt: skip
"""Codes for: too many requests, ask again later."""
EXPIRED = frozenset(("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"))
UNKNOWN_KEYS = frozenset((
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException",
))  # fmt: skip
"""Codes for keys that AWS does not know; a region that is not enabled says the same of keys that are well."""
CLOCK = frozenset(("RequestTimeTooSkewed", "RequestInTheFuture"))
CLOCK_WORDS = ("Signature expired", "Signature not yet current")
"""How services say it that have no code of their own for it."""
DENIED = frozenset((
    "403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException",
    "Client.UnauthorizedOperation", "Forbidden", "NotAuthorized", "UnauthorizedOperation", "UnauthorizedException",
))  # fmt: skip
NOT_ENABLED = frozenset(("OptInRequired", "RegionDisabledException", "SubscriptionRequiredException"))
