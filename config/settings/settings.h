/* The daemon's own settings (celld.yaml): where the repository and the control plane are, where
 * state lives, who may talk to it. Says nothing about cells.
 *
 * Plain data, immutable once read, defaults filled in: every number, flag and duration below is
 * `set`; a text is NULL only where this header says so. Secrets are never in here, only where they
 * are found. The fields' defaults and limits stand in the schema table beside it (table.c). */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/manifest/model.h"
#include "config/settings/log_level.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Where a secret is read from, at start: a systemd credential's name, or an absolute path. Exactly
 * one is set in a secret that is used; both are NULL in one that is not. */
struct secret_source {
    struct manifest_text credential;
    struct manifest_text file;
    struct source_pos at;
};

/* What celld shows a server of who it is, and how it knows the server. */
struct identity_settings {
    struct secret_source secret;    /* token, password, or the OAuth client's secret */
    struct manifest_text client_id; /* oauth */
    struct manifest_text issuer;    /* oauth; NULL = discovered through the server */
    struct manifest_text token_url; /* oauth; NULL = discovered */
    struct manifest_text scope;     /* oauth; NULL = none asked for */
    struct manifest_text ca_file;   /* NULL = the system's */
};

enum repository_auth {
    REPOSITORY_AUTH_NONE,
    REPOSITORY_AUTH_TOKEN,
    REPOSITORY_AUTH_BASIC,
    REPOSITORY_AUTH_SSH
};

struct repository_settings {
    struct manifest_text
        url; /* https://, http:// (loopback only), ssh://, file:///, user@host:path */
    struct manifest_text branch;        /* "main" */
    struct manifest_text platform_file; /* "platform.yaml" */
    struct manifest_texts
        cell_files; /* patterns: "*" one name, "**" any depth; "cells/<any>/cell.yaml" */
    struct manifest_texts native_files; /* patterns of native manifests; may be empty */
    enum repository_auth auth;
    struct manifest_text user;             /* token: "x-access-token"; ssh: "git" */
    struct secret_source secret;           /* token, password or private key */
    struct secret_source passphrase;       /* of the private key; not used = none */
    struct manifest_texts host_keys;       /* ssh: "SHA256:..." fingerprints or known_hosts lines */
    struct manifest_text ca_file;          /* NULL = the system's */
    struct manifest_duration interval;     /* between polls */
    struct manifest_number jitter_percent; /* of the interval, both ways */
    struct manifest_duration deadline;     /* of one fetch; the child is killed then */
    struct manifest_flag require_fast_forward;
    struct manifest_number max_repository_mib; /* on disk */
    struct manifest_number max_tree_entries;   /* of one revision, in what celld reads */
    struct manifest_number max_file_kib;       /* of one manifest */
    struct source_pos at;
};

enum platform_auth { PLATFORM_AUTH_NONE, PLATFORM_AUTH_TOKEN, PLATFORM_AUTH_OAUTH };

struct platform_settings {
    struct manifest_text url; /* base URL, without "/api/v1" and without a slash at the end */
    enum platform_auth auth;
    struct identity_settings identity;
    struct manifest_number concurrency; /* requests in flight */
    struct manifest_duration connect_timeout, request_timeout;
    struct manifest_duration active_interval; /* between looks at what is rolling out */
    struct manifest_duration idle_interval;   /* between looks at everything: finds drift */
    struct source_pos at;
};

struct socket_settings {
    struct manifest_text path;   /* absolute, at most 107 bytes */
    struct manifest_text group;  /* NULL = the daemon's own */
    struct manifest_number mode; /* permission bits, written in octal: "0660" */
    struct source_pos at;
};

struct engine_settings {
    struct manifest_number parallel;      /* (cell, target) nodes that move at the same time */
    struct manifest_duration retry_first; /* after the first failure; doubles, full jitter */
    struct manifest_duration retry_longest;
    struct source_pos at;
};

struct journal_settings {
    struct manifest_duration keep;      /* events older than this go */
    struct manifest_number keep_events; /* and all but the newest so many */
    struct source_pos at;
};

/* How celld shows a source of metrics who it is. */
enum metrics_auth {
    METRICS_AUTH_NONE,
    METRICS_AUTH_TOKEN,
    METRICS_AUTH_BASIC,
    METRICS_AUTH_OAUTH,
    METRICS_AUTH_PLATFORM, /* as it does to the control plane */
};

/* A server that the judge's numbers come from. */
struct metrics_server_settings {
    struct manifest_text url; /* NULL = there is none */
    enum metrics_auth auth;
    struct manifest_text user; /* basic */
    struct identity_settings identity;
    struct manifest_duration timeout;
    struct source_pos at;
};

struct prometheus_settings {
    struct metrics_server_settings server;
    struct manifest_duration lookback;    /* before a window, for the value at its beginning */
    struct manifest_duration stale_after; /* samples older than this are no data */
};

struct observer_settings {
    struct metrics_server_settings server;
};

struct webhook_settings {
    struct metrics_server_settings server;
    struct secret_source signature; /* key of the signature; not used = none */
};

struct metrics_sources {
    struct prometheus_settings prometheus;
    struct observer_settings observer;
    struct webhook_settings webhook;
};

/* What is given here stands for the source of the same kind above. */
struct metrics_target_settings {
    struct manifest_text name; /* of a target of the Platform */
    struct metrics_sources sources;
    struct source_pos at;
};

struct metrics_settings {
    struct metrics_sources sources;
    const struct metrics_target_settings *targets;
    size_t target_count;
};

struct settings {
    struct arena *arena;
    const char *path; /* of the file */
    struct repository_settings repository;
    struct platform_settings platform;
    struct manifest_text state_directory; /* absolute; NULL = $STATE_DIRECTORY or /var/lib/celld */
    struct socket_settings status_socket, admin_socket;
    struct metrics_settings metrics;
    const struct webhook_settings *notifications; /* who is told how revisions fare */
    size_t notification_count;
    struct manifest_text metrics_listen; /* "127.0.0.1:9464"; NULL = no TCP listener */
    enum log_level log_level;
    bool log_level_set; /* it was written */
    struct engine_settings engine;
    struct journal_settings journal;
};

/* Reads and checks a whole settings file, and finds everything that is wrong with it.
 *
 * path, bytes  borrowed; `bytes` need not end with NUL. Files up to 1 MiB
 * found        appended: errors and warnings, each with its place
 * Returns 0 and owned settings; ERR_INVALID when there is an error diagnostic (then *ret_settings
 * is untouched), or -ENOMEM. Pure: opens no file, reads no credential and no environment. */
int settings_read(const char *path, const char *bytes, size_t length, struct diagnostics *found,
                  struct settings **ret_settings) __attribute__((warn_unused_result));

struct settings *settings_free(struct settings *settings);
void settings_freep(struct settings **settings);
