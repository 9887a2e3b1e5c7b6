/* A converged world with a law over it, in which rows, writes and answers can be forged: each law
 * must be able to fail. */
#pragma once

#include "tests/simulation/law.h"

struct court {
    struct world *world;
    struct weather weather;
    struct traffic traffic;
    struct monorepo repository;
    struct law law;
    bool listens; /* the law hears what the engine does */
};

#define AMBER "amber/amber-api/development"
#define BIRCH "birch/birch-api/development"

/* Two cells on development, testing and testing-eu: amber with a canary, then birch, which depends
 * on it. All is live. */
struct court *court_new(void);
struct court *court_free(struct court *court);

/* A copy of a rollout's row, to be forged; owned. */
json_t *court_row(const struct court *court, const char *track);

/* The same, in the first step of a canary: 10 % on slot b, verified. */
json_t *court_step(const struct court *court, const char *track);

/* The same, just begun. */
json_t *court_begun(const struct court *court, const char *track);

/* Puts a row into the journal without telling the law; taken. */
void court_lay(struct court *court, const char *family, const char *track, json_t *row);

/* The engine makes a row durable; taken. NULL = it is gone. */
void court_persist(struct court *court, const char *family, const char *track, json_t *row);

/* A route's binding of amber is written with these weights. */
void court_route(struct court *court, int weight_a, int weight_b);

void court_publish(struct court *court, const char *type, const char *message);

/* Something that the law must notice. */
struct forgery {
    const char *law, *what;
    void (*forge)(struct court *court);
};

#define FORGERY(law, what)                                                                         \
    {                                                                                              \
        law, #what, what                                                                           \
    }

/* Each in a court of its own; a law that notices nothing fails the test. */
void court_try(const struct forgery *forgeries, size_t count);
