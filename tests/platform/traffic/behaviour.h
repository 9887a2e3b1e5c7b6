/* What the tag of an image says about the pods that run it. Words behind a `-` count, all others
 * are ignored:
 *
 *   errors<percent>   so many of the requests are answered with 500: `1.4.0-errors5`, `errors0.5`
 *   slow<ms>          every answer takes so much longer: `1.4.0-slow200`
 *   tail<percent>x<ms>  so many of the answers take so much longer: `1.4.0-tail2x500`
 *
 * They may be combined: `2.0.0-errors1-slow50`. Percents are at most 100, times at most 10000 ms.
 * Whether pods come up at all is for the rules in tests/platform/model.h. */
#pragma once

struct traffic_behaviour {
    double errors; /* share, 0 to 1 */
    double tail;   /* share, 0 to 1 */
    unsigned slow_ms, tail_ms;
};

/* `image` as in a pod: "registry.example/shop/cart:1.4.0-errors5". Words that are not in the
 * language change nothing. */
struct traffic_behaviour traffic_behaviour_of(const char *image);
