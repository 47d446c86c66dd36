{{- define "trm.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Labels by which pods are selected; takes (root, component). */}}
{{- define "trm.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "trm.labels" -}}
{{ include "trm.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{/* Name and labels of an object; takes (root, component). */}}
{{- define "trm.metadata" -}}
name: {{ include "trm.name" (index . 0) }}-{{ index . 1 }}
labels:
  {{- include "trm.labels" . | nindent 2 }}
{{- end }}

{{/* A worker saves a checkpoint before it goes: it has so long, and then time to store it. */}}
{{- define "trm.grace" -}}
{{ add 40 (ceil (float64 (.Values.settings.TRM_STOP_GRACE_SECONDS | default 20))) }}
{{- end }}

{{- define "trm.storageUrl" -}}
{{- $storage := .Values.storage -}}
{{- if and $storage.url $storage.claim }}{{ fail "storage.url and storage.claim exclude each other: artifacts are in one place." }}{{ end -}}
{{- if $storage.claim }}file:///data/artifacts{{ else }}{{ required "Say where artifacts are kept: set storage.url or storage.claim." $storage.url }}{{ end }}
{{- end }}

{{/* The settings of every part, in the order of their names. */}}
{{- define "trm.settings" -}}
{{- $fixed := dict "TRM_DATA_DIR" "/data" "TRM_STORAGE_URL" (include "trm.storageUrl" .root) "TRM_GATEWAY_HOST" "0.0.0.0" "TRM_GATEWAY_PORT" "8000" "TRM_WORKER_METRICS_HOST" "0.0.0.0" "TRM_WORKER_METRICS_PORT" "9100" -}}
{{- range $name, $value := merge (dict) (.own | default dict) $fixed .root.Values.settings }}
- name: {{ $name }}
  value: {{ include "trm.value" $value | quote }}
{{- end }}
{{- end }}

{{/* Numbers of YAML are floats: a million would read 1e+06. */}}
{{- define "trm.value" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/*
A pod. Takes: root, component, image (gateway or worker), command, values (of the component), ports, probes, grace,
and for workers: own (settings), restart.
*/}}
{{- define "trm.pod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $image := index $root.Values.images .image -}}
metadata:
  labels:
    {{- include "trm.labels" (list $root .component) | nindent 4 }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .restart }}
  restartPolicy: {{ . }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  shareProcessNamespace: true # so that there is an init
  terminationGracePeriodSeconds: {{ .grace }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with $root.Values.images.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- range $field := list "nodeSelector" "tolerations" "affinity" }}
  {{- with index $values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if has .component (list "gateway" "worker-solve") }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "trm.selector" (list $root .component) | nindent 10 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: "{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}"
      imagePullPolicy: {{ $root.Values.images.pullPolicy }}
      command: {{ toJson .command }}
      env:
        {{- include "trm.settings" (dict "root" $root "own" .own) | trim | nindent 8 }}
      {{- with $root.Values.storage.envSecret }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      {{- with .ports }}
      ports:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .probes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      resources:
        {{- $resources := deepCopy $values.resources }}
        {{- with $values.gpu }}
        {{- if .count }}
        {{- $_ := set $resources "limits" (merge (dict .resource .count) ($resources.limits | default dict)) }}
        {{- end }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: secrets, mountPath: /run/secrets, readOnly: true}
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        {{- if $root.Values.storage.claim }}
        - {name: artifacts, mountPath: /data/artifacts}
        {{- end }}
        {{- if $values.sharedMemory }}
        - {name: shm, mountPath: /dev/shm}
        {{- end }}
  volumes:
    - name: secrets
      secret:
        secretName: {{ $root.Values.secret.name }}
        defaultMode: 0440
        items:
          - {key: {{ $root.Values.secret.keys.databaseUrl }}, path: trm_database_url}
          - {key: {{ $root.Values.secret.keys.brokerUrl }}, path: trm_broker_url}
          {{- if eq .component "gateway" }}
          - {key: {{ $root.Values.secret.keys.adminSecret }}, path: trm_admin_secret}
          {{- end }}
          {{- if and (eq .component "migrate") $root.Values.secret.keys.readerPassword }}
          - {key: {{ $root.Values.secret.keys.readerPassword }}, path: trm_reader_password}
          {{- end }}
    - name: data
      emptyDir: {sizeLimit: {{ $values.scratch | default "1Gi" }}}
    - name: tmp
      emptyDir: {sizeLimit: 2Gi}
    {{- with $root.Values.storage.claim }}
    - name: artifacts
      persistentVolumeClaim: {claimName: {{ . }}}
    {{- end }}
    {{- with $values.sharedMemory }}
    - name: shm
      emptyDir: {medium: Memory, sizeLimit: {{ . }}}
    {{- end }}
{{- end }}

{{/* A pod of `python -m workers ROLE`. Takes: root, role (train, solve or reaper), values, and where they differ own, restart. */}}
{{- define "trm.worker" -}}
{{- $alive := dict "httpGet" (dict "path" "/metrics" "port" "metrics") "periodSeconds" 10 "timeoutSeconds" 10 -}}
{{- $probes := dict "startupProbe" (merge (dict "failureThreshold" 30) $alive) "livenessProbe" (merge (dict "failureThreshold" 6) $alive) -}}
{{- $component := eq .role "reaper" | ternary "reaper" (printf "worker-%s" .role) -}}
{{- $image := eq .role "reaper" | ternary "gateway" "worker" -}}
{{- $own := merge (dict) (.own | default dict) -}}
{{- if (.values.gpu | default dict).count }}{{ $own = merge $own (dict "TRM_DEVICE" "cuda") }}{{ end -}}
{{- with (.values.offers | default dict).labels }}{{ $own = merge $own (dict "TRM_WORKER_LABELS" (join "," .)) }}{{ end -}}
{{- include "trm.pod" (dict "root" .root "component" $component "image" $image "values" .values "own" $own "restart" .restart
  "command" (list "python" "-m" "workers" .role) "probes" $probes "grace" (include "trm.grace" .root)
  "ports" (list (dict "name" "metrics" "containerPort" 9100))) -}}
{{- end }}

{{/* Labels of a Deployment's pods; takes (root, component). */}}
{{- define "trm.matchLabels" -}}
selector:
  matchLabels:
    {{- include "trm.selector" . | nindent 4 }}
{{- end }}

{{/* What a pod's worker announces, as SQL; takes values. Without a GPU it is a processor. */}}
{{- define "trm.device" -}}
{{ if .gpu.count }}cuda{{ else }}cpu{{ end }}
{{- end }}

{{/*
A KEDA trigger: jobs of these kinds that pods of these values work at, or could. Takes: root, kinds, per (jobs for each replica), values.
The second half is the rule of services/registry/jobs/requirements.py.
*/}}
{{- define "trm.trigger" -}}
{{- $offers := .values.offers -}}
{{- $device := include "trm.device" .values -}}
{{- $devices := $offers.devices | default .values.gpu.count -}}
{{- $labels := $offers.labels | toJson -}}
- type: postgresql
  metadata:
    query: >-
      SELECT count(*) FROM jobs WHERE kind IN ({{ .kinds }}) AND (
      status = 'running' AND EXISTS (SELECT FROM workers WHERE name = jobs.worker AND device = '{{ $device }}'
      AND to_jsonb(labels) @> '{{ $labels }}' AND to_jsonb(labels) <@ '{{ $labels }}')
      OR status = 'queued' AND available_at <= now() AND (requires IS NULL
      OR coalesce(requires->>'device', '{{ $device }}') = '{{ $device }}'
      {{- with $devices }}
      AND coalesce((requires->>'devices')::int, 1) <= {{ . }}
      {{- end }}
      {{- with $offers.memoryGb }}
      AND coalesce((requires->>'min_memory_gb')::float, 0) <= {{ . }}
      {{- end }}
      AND coalesce(requires->'labels' <@ '{{ $labels }}', true)))
    targetQueryValue: {{ .per | quote }}
  authenticationRef:
    name: {{ include "trm.name" .root }}-database
{{- end }}
