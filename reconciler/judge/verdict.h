/* What a look at the metrics says about a release. Of these only VERDICT_ROLLBACK condemns it. */
#pragma once

enum judge_verdict {
    VERDICT_CONTINUE,     /* nothing is proven yet */
    VERDICT_PASS,         /* shown to be good enough */
    VERDICT_ROLLBACK,     /* shown to be worse than the stable release by more than is tolerated */
    VERDICT_INSUFFICIENT, /* the time is over and nothing is proven */
    VERDICT_NO_DATA,      /* it gets no requests while the stable release does */
    VERDICT_PROVIDER_ERROR, /* the metrics could not be read */
    VERDICT_GUARD, /* above the absolute limit, but the stable release is too: hold, page */
};
#define JUDGE_VERDICT_COUNT (VERDICT_GUARD + 1)

const char *judge_verdict_name(enum judge_verdict verdict);
