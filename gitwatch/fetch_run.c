#include "gitwatch/fetch_run.h"

#include "config/base/owned.h"
#include "gitwatch/fetch_auth.h"
#include "gitwatch/fetch_failure.h"
#include "gitwatch/fetch_look.h"
#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror.h"
#include "gitwatch/mirror_dir.h"
#include "gitwatch/mirror_refs.h"
#include "gitwatch/remote_url.h"

#include <git2.h>

#include <errno.h>
#include <git2/sys/remote.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct run {
    const struct fetch_request *request;
    fetch_run_progress progress;
    void *payload;
    struct fetch_result *result;
    struct fetch_auth auth;
    bool looks; /* see fetch_request */
    char ref[REMOTE_REF_LIMIT];
    char tracking[MIRROR_REFS_SIZE];
    char fresh[PATH_MAX]; /* where a new mirror is built before it takes the place */
};

static void fail(struct run *run, enum fetch_reason reason, const struct error *error)
{
    run->result->reason = reason;
    run->result->error = *error;
}

static void fail_text(struct run *run, enum fetch_reason reason, enum error_kind kind, int code,
                      const char *text)
{
    run->result->reason = reason;
    (void)error_set(&run->result->error, kind, code, "%s", text);
}

static int on_transfer(const git_indexer_progress *stats, void *payload)
{
    struct run *run = payload;
    const struct fetch_limits *limits = &run->request->limits;
    struct fetch_progress *transfer = &run->result->transfer;
    *transfer = (struct fetch_progress){.bytes = stats->received_bytes,
                                        .objects = stats->received_objects,
                                        .objects_total = stats->total_objects};
    run->progress(transfer, run->payload);
    if (transfer->bytes <= limits->download_bytes && transfer->objects_total <= limits->objects)
        return 0;
    run->auth.reason = FETCH_LIMIT;
    if (transfer->bytes > limits->download_bytes)
        (void)error_set(
            &run->auth.error, ERROR_LIMIT, ERR_LIMIT,
            "the repository sends more than the %llu bytes that a fetch may have; raise "
            "the limit if it is meant to be so large",
            (unsigned long long)limits->download_bytes);
    else
        (void)error_set(&run->auth.error, ERROR_LIMIT, ERR_LIMIT,
                        "the repository sends %u objects, a fetch may have %u; raise the limit if "
                        "it is meant to be so large",
                        transfer->objects_total, limits->objects);
    return GIT_EUSER;
}

static int on_credential(git_credential **ret, const char *url, const char *user,
                         unsigned int allowed, void *payload)
{
    struct run *run = payload;
    return fetch_auth_credential(ret, url, user, allowed, &run->auth);
}

static int on_certificate(git_cert *certificate, int valid, const char *host, void *payload)
{
    (void)host;
    struct run *run = payload;
    return fetch_auth_certificate(certificate, valid, &run->auth);
}

static void set_callbacks(struct run *run, git_remote_callbacks *callbacks)
{
    callbacks->credentials = on_credential;
    callbacks->certificate_check = on_certificate;
    callbacks->transfer_progress = on_transfer;
    callbacks->payload = run;
}

/* The advertised ref that is watched; NULL with reason RefMissing or RepositoryEmpty. */
static const git_remote_head *find_watched(struct run *run, const git_remote_head **heads,
                                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(heads[i]->name, run->ref) == 0)
            return heads[i];
    if (count == 0)
        fail_text(run, FETCH_EMPTY, ERROR_NOT_FOUND, -ENOENT,
                  "the repository has no commit yet; celld goes on as soon as one is pushed");
    else {
        run->result->reason = FETCH_REF_MISSING;
        (void)error_set(&run->result->error, ERROR_NOT_FOUND, -ENOENT,
                        "the repository has no %s; what was deployed last stays, and celld goes on "
                        "when it is pushed again",
                        run->ref);
    }
    return NULL;
}

/* What is to be downloaded. Returns false with a reason; *ret_head is NULL when that is everything,
 * because a commit may be anywhere. The head is copied: downloading may read the list anew. */
static bool find_wanted(struct run *run, git_remote *remote, bool *ret_everything,
                        git_oid *ret_advertised)
{
    const git_remote_head **heads = NULL;
    const git_remote_head *found = NULL;
    struct error error;
    size_t count = 0;
    const int status = git_remote_ls(&heads, &count, remote);
    if (status < 0) {
        fetch_failure_set(run->result, &run->auth, FETCH_STAGE_CONNECT, status);
        return false;
    }
    if (!run->looks) {
        found = find_watched(run, heads, count);
        if (found == NULL)
            return false;
    } else if (fetch_look_find(heads, count, run->request->ref, &found, &error) < 0) {
        fail(run, FETCH_REF_MISSING, &error);
        return false;
    }
    *ret_everything = found == NULL;
    if (found != NULL) {
        (void)snprintf(run->ref, sizeof(run->ref), "%s", found->name);
        *ret_advertised = found->oid;
    }
    return true;
}

/* Whether the pushed commit may take the place of the one we have. */
static int check_history(struct run *run, git_repository *repository, const git_oid *tip)
{
    const struct object_id *previous = &run->result->previous;
    git_oid old;
    if (!object_id_is_set(previous) || git_oid_fromstr(&old, previous->hex) < 0 ||
        git_oid_equal(&old, tip))
        return 0;
    int descends = git_graph_descendant_of(repository, tip, &old);
    /* The old commit is not in a mirror that was cloned anew, so it is not in this history; or the
     * repository is shallow and nothing is proved. */
    if (descends == GIT_ENOTFOUND)
        descends = 0;
    if (descends < 0) {
        struct error error;
        (void)libgit_error(&error, descends, "cannot compare the histories");
        fail(run, FETCH_DAMAGED, &error);
        return descends;
    }
    run->result->rewritten = descends == 0;
    if (descends == 1 || !run->request->require_fast_forward)
        return 0;
    run->result->reason = FETCH_HISTORY_REWRITTEN;
    (void)error_set(
        &run->result->error, ERROR_CONFLICT, ERR_GIT,
        "%s was rewritten: %.12s is no descendant of %.12s, which stays deployed; push a "
        "descendant, or allow rewritten history",
        run->ref, git_oid_tostr_s(tip), previous->hex);
    return -1;
}

/* What was downloaded becomes the mirror's tip. */
static void accept(struct run *run, git_repository *repository, const git_oid *advertised)
{
    git_oid tip;
    struct error error;
    int status = mirror_refs_peel(repository, advertised, &tip, &error);
    if (status < 0) {
        fail(run, status == ERR_INVALID ? FETCH_NOT_A_COMMIT : FETCH_DAMAGED, &error);
        return;
    }
    if (check_history(run, repository, &tip) < 0)
        return;
    status = mirror_refs_set(repository, run->tracking, &tip, &error);
    if (status < 0) {
        fail(run, FETCH_INTERNAL, &error);
        return;
    }
    git_oid_tostr(run->result->commit.hex, OBJECT_ID_TEXT_SIZE, &tip);
}

/* Brings objects; refs are set by us alone, when what came was looked at. */
static int download(struct run *run, git_remote *remote, const git_fetch_options *options,
                    bool everything)
{
    char refspec[2 * REMOTE_REF_LIMIT + MIRROR_REFS_SIZE];
    char branches[] = "+refs/heads/*:refs/celld/look/heads/*";
    char tags[] = "+refs/tags/*:refs/celld/look/tags/*";
    snprintf(refspec, sizeof(refspec), "+%s:%s", run->ref, run->tracking);
    char *one[] = {refspec};
    char *all[] = {branches, tags};
    const git_strarray refspecs = {.strings = everything ? all : one, .count = everything ? 2 : 1};
    const int status = git_remote_download(remote, &refspecs, options);
    if (status < 0)
        fetch_failure_set(run->result, &run->auth, FETCH_STAGE_DOWNLOAD, status);
    return status;
}

/* What was looked at is kept under its pin, for who asked. */
static void keep(struct run *run, git_repository *repository, const git_oid *advertised)
{
    git_oid commit;
    struct error error;
    int pins = -1;
    int status = advertised == NULL
                     ? fetch_look_commit(repository, run->request->ref, &commit, &error)
                     : mirror_refs_peel(repository, advertised, &commit, &error);
    if (status == 0)
        status = mirror_refs_readable(repository, &commit, &error);
    if (status == 0)
        status = mirror_refs_lock_pins(run->request->mirror, &pins, &error);
    if (status == 0) {
        status = mirror_refs_set(repository, run->tracking, &commit, &error);
        close(pins);
    }
    if (status == ERR_INVALID && advertised != NULL)
        (void)error_set(&error, ERROR_INVALID, status, "%s names no commit", run->request->ref);
    if (status < 0)
        fail(run,
             status == ERR_INVALID      ? FETCH_NOT_A_COMMIT
             : status == -ENOENT        ? FETCH_REF_MISSING
             : status == MIRROR_DAMAGED ? FETCH_DAMAGED
                                        : FETCH_INTERNAL,
             &error);
    else
        git_oid_tostr(run->result->commit.hex, OBJECT_ID_TEXT_SIZE, &commit);
}

/* Fetches into the repository at `path`; the outcome is in run->result. */
static void fetch_into(struct run *run, git_repository *repository)
{
    git_remote *remote = NULL;
    git_fetch_options options;
    git_remote_connect_options connect;
    (void)git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    (void)git_remote_connect_options_init(&connect, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    set_callbacks(run, &options.callbacks);
    set_callbacks(run, &connect.callbacks);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    options.proxy_opts.type = GIT_PROXY_NONE;
    connect.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    connect.proxy_opts.type = GIT_PROXY_NONE;
    int status = git_remote_create_anonymous(&remote, repository, run->auth.url.text);
    if (status == 0)
        status = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &connect);
    if (status < 0) {
        fetch_failure_set(run->result, &run->auth, FETCH_STAGE_CONNECT, status);
    } else {
        git_oid advertised;
        bool everything = false;
        if (find_wanted(run, remote, &everything, &advertised) &&
            download(run, remote, &options, everything) == 0) {
            if (run->looks)
                keep(run, repository, everything ? NULL : &advertised);
            else
                accept(run, repository, &advertised);
        }
    }
    git_remote_free(remote);
}

/* Opens the mirror and reads what it holds. Damage is told as FETCH_DAMAGED. */
static int open_mirror(struct run *run, git_repository **ret_repository)
{
    struct error error;
    int status = mirror_dir_check(run->request->mirror, &error);
    if (status == -ENOENT)
        status = mirror_dir_create(run->request->mirror, &error);
    if (status < 0) {
        fail(run, FETCH_INTERNAL, &error);
        return status;
    }
    mirror_dir_clean(run->request->mirror);
    git_repository *repository = NULL;
    git_oid tip;
    status = git_repository_open_bare(&repository, run->request->mirror);
    if (status < 0)
        (void)libgit_error(&error, status, "cannot open the mirror");
    else
        status = mirror_refs_get(repository, run->tracking, &tip, &error);
    if (status == 0) {
        git_oid_tostr(run->result->previous.hex, OBJECT_ID_TEXT_SIZE, &tip);
        run->result->commit = run->result->previous;
        status = mirror_refs_readable(repository, &tip, &error);
    } else if (status == -ENOENT && repository != NULL) {
        status = 0;
    }
    if (status < 0) {
        git_repository_free(repository);
        fail(run, FETCH_DAMAGED, &error);
        return status;
    }
    *ret_repository = repository;
    return 0;
}

/* Objects that cannot be read although the mirror was empty: the other side lacks them. */
static void blame_remote(struct run *run)
{
    if (run->result->reason != FETCH_DAMAGED)
        return;
    run->result->reason = FETCH_REMOTE_DAMAGED;
    run->result->error.kind = ERROR_UNAVAILABLE;
    (void)error_context(&run->result->error,
                        "the repository is damaged, shallow or partial; celld needs a whole one");
}

/* Builds a new mirror beside the old one and lets it take the place only when it is complete, so
 * that a server that is down costs nothing. */
static void reclone(struct run *run)
{
    const char *mirror = run->request->mirror;
    git_repository *repository = NULL;
    struct error error;
    const struct object_id previous = run->result->previous;
    *run->result =
        (struct fetch_result){.reason = FETCH_OK, .commit = previous, .previous = previous};
    run->auth.shown = false;
    run->auth.reason = FETCH_OK;
    int status = mirror_dir_remove(run->fresh);
    if (status < 0)
        (void)error_set(&error, ERROR_INTERNAL, status, "cannot remove %s: %s", run->fresh,
                        strerror(-status));
    else
        status = mirror_dir_create(run->fresh, &error);
    if (status == 0 && git_repository_open_bare(&repository, run->fresh) < 0)
        status = libgit_error(&error, -1, "cannot open the new mirror");
    if (status < 0) {
        fail(run, FETCH_INTERNAL, &error);
        return;
    }
    fetch_into(run, repository);
    blame_remote(run);
    if (run->result->reason == FETCH_OK) {
        mirror_refs_carry_pins(mirror, repository);
        status = mirror_dir_quarantine(mirror, &error);
        if (status == 0 && rename(run->fresh, mirror) < 0)
            status = error_set(&error, ERROR_INTERNAL, -errno, "cannot place the new mirror: %s",
                               strerror(errno));
        run->result->recloned = status == 0;
        if (status < 0)
            fail(run, FETCH_INTERNAL, &error);
    }
    git_repository_free(repository);
    (void)!mirror_dir_remove(run->fresh);
}

/* libgit2 has no repack: a copy of everything that a ref still reaches is one pack. Failing changes
 * nothing and is tried again with the next fetch. */
static void compact(struct run *run)
{
    const char *mirror = run->request->mirror;
    int pins = -1;
    if (mirror_refs_lock_pins(mirror, &pins, NULL) < 0)
        return;
    struct error error;
    if (mirror_dir_remove(run->fresh) == 0 && mirror_dir_create(run->fresh, &error) == 0 &&
        mirror_refs_copy(mirror, run->fresh, &error) == 0 &&
        mirror_dir_exchange(mirror, run->fresh, &error) == 0)
        run->result->compacted = true;
    else
        (void)!mirror_dir_remove(run->fresh);
    close(pins);
}

static void run_locked(struct run *run)
{
    const struct fetch_request *request = run->request;
    git_repository *repository = NULL;
    if (open_mirror(run, &repository) == 0 && !request->reclone) {
        fetch_into(run, repository);
        if (!run->looks && !object_id_is_set(&run->result->previous))
            blame_remote(run);
    }
    git_repository_free(repository);
    const bool damaged = run->result->reason == FETCH_DAMAGED;
    if (request->reclone || (damaged && request->may_reclone))
        reclone(run);
    const uint32_t packs = mirror_dir_packs(request->mirror);
    if (run->result->reason == FETCH_OK && request->limits.compact_packs > 0 &&
        packs >= request->limits.compact_packs)
        compact(run);
    run->result->packs = run->result->compacted ? mirror_dir_packs(request->mirror) : packs;
    run->result->changed = !object_id_equal(&run->result->commit, &run->result->previous);
}

void fetch_run(const struct fetch_request *request, fetch_run_progress progress, void *payload,
               struct fetch_result *ret_result)
{
    struct run run = {
        .request = request, .progress = progress, .payload = payload, .result = ret_result};
    struct remote_url url;
    struct error error;
    int lock = -1;
    *ret_result = (struct fetch_result){.reason = FETCH_OK};
    const int length = snprintf(run.fresh, sizeof(run.fresh), "%s.fresh", request->mirror);
    if (length < 0 || (size_t)length >= sizeof(run.fresh) ||
        remote_url_parse(request->url, &url, &error) < 0 ||
        remote_url_ref(request->ref, run.ref, &error) < 0) {
        fail_text(&run, FETCH_INVALID, ERROR_INVALID, ERR_INVALID,
                  "the fetch's request is invalid");
        return;
    }
    run.looks = request->pin != NULL && request->pin[0] != '\0';
    if (run.looks)
        snprintf(run.tracking, sizeof(run.tracking), MIRROR_REFS_KEEP "%s", request->pin);
    else
        mirror_refs_tracking(run.ref, run.tracking);
    if (fetch_auth_init(&run.auth, request, &url, &error) < 0) {
        fail(&run, FETCH_DENIED, &error);
    } else if (mirror_dir_lock(request->mirror, &lock, &error) < 0) {
        fail(&run, error.code == -EBUSY ? FETCH_LOCKED : FETCH_INTERNAL, &error);
    } else {
        run_locked(&run);
        close(lock);
    }
    fetch_auth_fini(&run.auth);
}
