/* A repository on this machine, what is fetched from it, and the mirror of it. */
#pragma once

#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_repository.h"

extern struct test_repository watched;

/* .init and .fini of a suite: libgit2, and an empty repository. */
void watched_start(void);
void watched_stop(void);

struct fetch_request watched_request(void);
struct fetch_result watched_fetch(void);

/* platform.yaml with this text, which is the message, too; pushed to main. */
struct object_id watched_commit(const char *text);

/* The reason, whether that is an error, and words in what is said of it. */
void watched_assert(const struct fetch_result *result, enum fetch_reason reason, const char *words);

/* The mirror has this commit: what mirror_commit() says. */
int watched_find(const struct object_id *commit);

/* Something stands at the mirror's path with this behind it: "/HEAD", ".fresh". */
bool watched_mirror_has(const char *suffix);
