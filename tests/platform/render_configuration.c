/* Variables, files and secrets of a workload: ConfigMaps, ExternalSecrets, and the part of a pod
 * that uses them. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static bool is_secret(const json_t *item)
{
    return values_get(values_get(item, "valueFrom"), "secretKeyRef") != NULL;
}

static const json_t *container(const struct render *r)
{
    return values_get(r->workload, "container");
}

static void config_name(const struct render *r, const char *what, const char *file, char *ret_name)
{
    const char *const parts[] = {r->binding->component, r->binding->environment, what, file};
    values_name(ret_name, NAME_SIZE, 253, parts, file == NULL ? 3 : 4);
}

static void file_name(const struct render *r, const json_t *file, char *ret_name)
{
    char key[128];
    snprintf(key, sizeof(key), "%s", values_text(file, "key"));
    for (char *c = key; *c != '\0'; c++)
        if (*c == '.' || *c == '_')
            *c = '-';
    config_name(r, is_secret(file) ? "secret" : "config", key, ret_name);
}

/* What a secret key reference points at in the store behind the data plane. */
static json_t *remote(struct render *r, const json_t *item)
{
    const json_t *ref = values_get(values_get(item, "valueFrom"), "secretKeyRef");
    const char *name = values_text(ref, "name"), *key = values_text(ref, "key");
    const struct object *o = store_find(r->platform, KIND_SECRET_REFERENCE, r->binding->ns, name);
    if (o == NULL) {
        render_fail(r,
                    "Failed to collect SecretReferences: failed to get SecretReference \"%s\": "
                    "SecretReference.openchoreo.dev \"%s\" not found",
                    name, name);
        return json_object();
    }
    char available[512] = "";
    size_t i;
    json_t *data;
    json_array_foreach(values_get(o->spec, "data"), i, data)
    {
        if (strcmp(values_text(data, "secretKey"), key) == 0)
            return values_copy(values_get(data, "remoteRef"));
        const size_t used = strlen(available);
        snprintf(available + used, sizeof(available) - used, "%s%s", used == 0 ? "" : " ",
                 values_text(data, "secretKey"));
    }
    render_fail(r,
                "Failed to collect SecretReferences: key \"%s\" not found in SecretReference "
                "\"%s\"; available keys: [%s]",
                key, name, available);
    return json_object();
}

static void add_config_map(struct render *r, const char *name, json_t *data)
{
    render_add(r, json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "v1", "kind", "ConfigMap",
                            "metadata", render_metadata(r, name, NULL), "data", data));
}

static void add_secret(struct render *r, const char *name, json_t *data)
{
    const char *store =
        r->data_plane == NULL
            ? ""
            : values_text(values_get(r->data_plane->spec, "secretStoreRef"), "name");
    render_add(r, json_pack("{s:s,s:s,s:o,s:{s:s,s:{s:s,s:s},s:{s:s,s:s},s:o}}", "apiVersion",
                            "external-secrets.io/v1", "kind", "ExternalSecret", "metadata",
                            render_metadata(r, name, NULL), "spec", "refreshInterval", "1m",
                            "secretStoreRef", "kind", "ClusterSecretStore", "name", store, "target",
                            "name", name, "creationPolicy", "Owner", "data", data));
}

static void add_environment(struct render *r)
{
    json_t *plain = json_object(), *secret = json_array();
    size_t i;
    json_t *item;
    char name[NAME_SIZE];
    json_array_foreach(values_get(container(r), "env"), i, item)
    {
        if (is_secret(item))
            json_array_append_new(secret,
                                  json_pack("{s:s,s:o}", "secretKey", values_text(item, "key"),
                                            "remoteRef", remote(r, item)));
        else
            json_object_set_new(plain, values_text(item, "key"),
                                json_string(values_text(item, "value")));
    }
    if (json_object_size(plain) > 0) {
        config_name(r, "env-configs", NULL, name);
        add_config_map(r, name, json_incref(plain));
    }
    if (json_array_size(secret) > 0) {
        config_name(r, "env-secrets", NULL, name);
        add_secret(r, name, json_incref(secret));
    }
    json_decref(plain);
    json_decref(secret);
}

void render_configuration(struct render *r)
{
    add_environment(r);
    size_t i;
    json_t *file;
    json_array_foreach(values_get(container(r), "files"), i, file)
    {
        char name[NAME_SIZE];
        file_name(r, file, name);
        const char *key = values_text(file, "key");
        if (is_secret(file))
            add_secret(r, name,
                       json_pack("[{s:s,s:o}]", "secretKey", key, "remoteRef", remote(r, file)));
        else
            add_config_map(r, name, json_pack("{s:s}", key, values_text(file, "value")));
    }
}

static json_t *sources(const struct render *r)
{
    bool plain = false, secret = false;
    size_t i;
    json_t *item;
    json_array_foreach(values_get(container(r), "env"), i, item)
    {
        secret = secret || is_secret(item);
        plain = plain || !is_secret(item);
    }
    json_t *list = json_array();
    char name[NAME_SIZE];
    if (plain) {
        config_name(r, "env-configs", NULL, name);
        json_array_append_new(list, json_pack("{s:{s:s}}", "configMapRef", "name", name));
    }
    if (secret) {
        config_name(r, "env-secrets", NULL, name);
        json_array_append_new(list, json_pack("{s:{s:s}}", "secretRef", "name", name));
    }
    return list;
}

static void add_mounts(const struct render *r, json_t *mounts, json_t *volumes)
{
    size_t i;
    json_t *file;
    json_array_foreach(values_get(container(r), "files"), i, file)
    {
        const char *key = values_text(file, "key"), *at = values_text(file, "mountPath");
        char path[512], hash[9], volume[32], name[NAME_SIZE];
        snprintf(path, sizeof(path), "%s/%s", at, key);
        values_hash(path, 8, hash);
        snprintf(volume, sizeof(volume), "file-mount-%s", hash);
        file_name(r, file, name);
        json_array_append_new(
            mounts, json_pack("{s:s,s:s,s:s}", "name", volume, "mountPath", path, "subPath", key));
        json_array_append_new(
            volumes, is_secret(file)
                         ? json_pack("{s:s,s:{s:s}}", "name", volume, "secret", "secretName", name)
                         : json_pack("{s:s,s:{s:s}}", "name", volume, "configMap", "name", name));
    }
}

static void bind(json_t *list, const json_t *bindings, const char *key, const char *value)
{
    const char *variable = values_text(bindings, key);
    if (variable[0] != '\0' && value[0] != '\0')
        json_array_append_new(list, json_pack("{s:s,s:s}", "name", variable, "value", value));
}

/* Variables of resolved connections; those that are pending are simply absent. */
static json_t *connection_variables(const struct render *r)
{
    json_t *list = json_array();
    size_t i, k;
    json_t *dependency, *connection;
    json_array_foreach(values_get(values_get(r->workload, "dependencies"), "endpoints"), i,
                       dependency)
    {
        json_array_foreach(r->resolved, k, connection)
        {
            if (values_int(connection, "#", -1) != (int64_t)i)
                continue;
            const json_t *url = values_get(connection, "url"),
                         *names = values_get(dependency, "envBindings");
            const char *host = values_text(url, "host"), *path = values_text(url, "path");
            const char *scheme = values_text(url, "scheme");
            const bool web = strncmp(scheme, "http", 4) == 0 || strncmp(scheme, "ws", 2) == 0;
            char port[16], address[768];
            snprintf(port, sizeof(port), "%lld", (long long)values_int(url, "port", 0));
            if (web)
                snprintf(address, sizeof(address), "%s://%s:%s%s", scheme, host, port, path);
            else
                snprintf(address, sizeof(address), "%s:%s", host, port);
            bind(list, names, "address", address);
            bind(list, names, "host", host);
            bind(list, names, "port", port);
            bind(list, names, "basePath", path);
        }
    }
    return list;
}

/* Older texts of a type list the container's ports. */
static bool lists_ports(const struct render *r)
{
    size_t i;
    json_t *resource;
    json_array_foreach(values_get(r->type, "resources"), i, resource)
    {
        const json_t *containers =
            json_at(resource, "template", "spec", "template", "spec", "containers", NULL);
        if (values_get(json_array_get(containers, 0), "ports") != NULL)
            return true;
    }
    return false;
}

static json_t *container_ports(const struct render *r)
{
    json_t *ports = render_service_ports(r->workload), *list = json_array();
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port) json_array_append_new(
        list, json_pack("{s:s,s:O,s:O}", "name", values_text(port, "name"), "containerPort",
                        values_get(port, "targetPort"), "protocol", values_get(port, "protocol")));
    json_decref(ports);
    return list;
}

json_t *render_pod(struct render *r, bool task)
{
    json_t *mounts = json_array(), *volumes = json_array();
    add_mounts(r, mounts, volumes);
    json_t *main_container = json_pack(
        "{s:s,s:s,s:O,s:O,s:o,s:o,s:o}", "name", "main", "image",
        values_text(container(r), "image"), "imagePullPolicy",
        values_get(r->configs, "imagePullPolicy"), "resources", values_get(r->configs, "resources"),
        "env", connection_variables(r), "envFrom", sources(r), "volumeMounts", mounts);
    static const char *const words[] = {"command", "args"};
    for (size_t i = 0; i < 2; i++)
        if (values_get(container(r), words[i]) != NULL)
            json_object_set(main_container, words[i], values_get(container(r), words[i]));
    if (lists_ports(r))
        json_object_set_new(main_container, "ports", container_ports(r));
    json_t *pod = json_pack("{s:O,s:[o],s:o}", "terminationGracePeriodSeconds",
                            values_get(r->parameters, "terminationGracePeriodSeconds"),
                            "containers", main_container, "volumes", volumes);
    if (task)
        json_object_set(pod, "restartPolicy", values_get(r->parameters, "restartPolicy"));
    return pod;
}
