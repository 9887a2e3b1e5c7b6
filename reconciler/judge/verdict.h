/* What metrics say about a release and about the share of the traffic that it gets. */
#pragma once

/* Of these only VERDICT_ROLLBACK condemns the release. */
enum judge_verdict {
    VERDICT_CONTINUE,       /* nothing is proven yet */
    VERDICT_PASS,           /* shown to be good enough */
    VERDICT_ROLLBACK,       /* shown to be worse than the stable release than is tolerated */
    VERDICT_INSUFFICIENT,   /* the time is over and nothing is proven */
    VERDICT_NO_DATA,        /* it gets no requests while the stable release does */
    VERDICT_PROVIDER_ERROR, /* the metrics could not be read */
    VERDICT_GUARD,          /* above the absolute limit, and the stable release may be too: hold */
};
#define JUDGE_VERDICT_COUNT (VERDICT_GUARD + 1)

/* What counting requests says about the weight. */
enum share_check {
    SHARE_NOT_COUNTED, /* there is no source of counts: the route's own word has to do */
    SHARE_TOO_FEW,     /* requests, for saying anything */
    SHARE_CONFIRMED,
    SHARE_OFF, /* enough requests, and another share than the weight's */
};
