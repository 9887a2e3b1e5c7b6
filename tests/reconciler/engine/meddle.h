/* Answers that the control plane of the tests never gives by itself: what it said is replaced on
 * the way. What was asked for has happened there all the same, unless the request is lost, too. */
#pragma once

#include "tests/reconciler/engine/repository.h"

struct meddling {
    const char *method; /* "GET", ..., "LIST"; NULL ends a table */
    const char *path;   /* a part of it */
    unsigned skip;      /* so many that fit are left alone first */
    unsigned times;     /* then so many are replaced */
    enum answer_outcome outcome;
    int status;
    const char *body; /* JSON; NULL = none */
    bool lost;        /* the request never arrives */
};

#define MEDDLE_ALWAYS 1000000 /* times */
#define MEDDLE_LIMIT 8

struct meddler {
    struct meddling items[MEDDLE_LIMIT];
    unsigned seen[MEDDLE_LIMIT];
    uint64_t ids[MEDDLE_LIMIT]; /* of requests under way; 0 = none */
    unsigned replaced;
};

/* A world with this meddler in it; items as in the table, which ends with method NULL. */
struct world *meddle_world(struct meddler *meddler, const struct meddling *items);
