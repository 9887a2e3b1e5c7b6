/* Sources of metrics on a loop of their own, made from a piece of celld.yaml, driven until answers
 * are there. At the end the loop closes with no handle left. */
#pragma once

#include "daemon/analysis/sources.h"

#include <jansson.h>

#define DESK_LIMIT 64
#define DESK_TEXT_SIZE 4096

struct desk_result {
    uint64_t id;
    json_t *answer; /* NULL with an error */
    struct error error;
};

struct desk {
    uv_loop_t loop;
    uv_timer_t tick;
    uint64_t deadline_ms;
    bool is_late, is_closed;
    char directory[64];
    struct settings *settings;
    struct sources *sources;
    struct desk_result results[DESK_LIMIT];
    size_t count;
    uint64_t last_id;
};

/* A directory for the desk's files; before the others. */
void desk_make(struct desk *desk);

/* Writes a file that only its owner can read; its path, of the last call but three, too. */
const char *desk_file(struct desk *desk, const char *name, const char *text);

/* `yaml` is what stands below "metrics:", in flow style: {prometheus: {url: ...}}. `platform` is
 * what the control plane is shown; NULL = nothing. */
void desk_open(struct desk *desk, const char *yaml, const struct token_source *platform);

/* The same, but the settings cannot be used: what celld says. */
const char *desk_refused(struct desk *desk, const char *yaml);

/* Asks without waiting; takes the question. Returns its id. */
uint64_t desk_send(struct desk *desk, json_t *question);
void desk_run_until(struct desk *desk, size_t results);

/* One question from start to end. Borrowed until desk_close(). */
const struct desk_result *desk_ask(struct desk *desk, json_t *question);

/* Turns the loop once; fails the test when nothing happened for too long. */
void desk_turn(struct desk *desk);
void desk_close(struct desk *desk);
