/* Shared between the parts of the replay. */
#pragma once

#include "tests/platform/conformance/replay.h"

#include <jansson.h>

#include <stdio.h>

/* 2026-11-22T20:32:11Z: when the first recording was made. */
#define START_MS INT64_C(1795379531000)
#define BETWEEN_FILES_MS 400000
#define REQUEST_MS 12 /* that a write takes at least */
#define HORIZON_MS 130000

/* What a polled path answered over time: several objects are polled side by side, and a state that
 * one of them had while another was waited for counts as reached. */
struct watch {
    char *path;
    json_t *answers; /* of {"status","type","body"}, each differing from the one before */
    size_t from;     /* the first that may still be asked for */
};

/* How many lines an exception was needed for, and the last of them. */
struct use {
    int lines, last;
};

struct replay {
    struct platform *platform;
    struct watch *watches;
    size_t watch_count;
    struct matching *matching;
    int64_t now_ms, file_start_ms;
    const char *file;
    json_t *seen; /* objects that this file has shown or written */
    json_t *made; /* ... and those that it has created */
    bool verbose;
    struct use *uses; /* of exceptions */
    json_t *last;     /* the answer that was compared last */
    FILE *dump;       /* gets every exchange as the model answered it; NULL = none */
};

struct exchange {
    int line;
    const char *method, *note, *recorded_path;
    char *path, *body;
    int status;
    const char *content_type;
    const json_t *answer;
    char key[512]; /* of the object at the path; "" = none */
};

struct reply {
    int status;
    const char *content_type;
    json_t *body; /* owned; texts as JSON strings, nothing as null */
};

/* ---- polls.c: talking to the model ---- */

struct reply replay_ask(struct replay *r, const char *method, const char *path, const char *body,
                        const char *authorization);
json_t *replay_pack(const struct reply *reply);
/* One piece of the controllers' work, but not beyond `end_ms`; until then; for so long. */
void replay_step(struct replay *r, int64_t end_ms);
void replay_step_to(struct replay *r, int64_t at_ms);
void replay_pass(struct replay *r, int64_t ms);
struct watch *replay_find_watch(struct replay *r, const char *path);
void replay_forget_answers(struct replay *r, const char *path);
void replay_add_watches(struct replay *r, FILE *file);
void replay_drop_watches(struct replay *r);

/* ---- setting.c: what requests that nobody recorded had left behind ---- */

void replay_put_type_in_place(struct replay *r, const struct exchange *x);
void replay_set_scene(struct replay *r, const struct exchange *x);
