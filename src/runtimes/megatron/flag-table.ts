/**
 * Every command-line flag of Megatron-LM's training entry points at mcore 0.20, by arity and type: what its parser
 * accepts, as facts. Synonyms are joined by a slash, the first name is the one that planner uses.
 *
 * Source: the parser built by megatron/training/arguments.py, NVIDIA/Megatron-LM @ d98e8a64.
 */
export const flagGroups = {
  integers: `
    tensor-model-parallel-size tensor-parallel-num-weight-shards pipeline-model-parallel-size
    context-parallel-size max-seqlen-per-dp-cp-rank expert-model-parallel-size expert-tensor-parallel-size
    expert-tensor-parallel-num-weight-shards wgrad-deferral-limit
    microbatch-group-size-per-virtual-pipeline-stage cpu-offloading-num-layers num-layers mtp-num-layers
    hidden-size num-attention-heads flash-attention-version num-query-groups ffn-hidden-size kv-channels
    dsa-indexer-n-heads dsa-indexer-head-dim dsa-indexer-topk dsa-indexer-topk-freq
    dsa-indexer-skip-topk-offset linear-conv-kernel-dim linear-key-head-dim linear-value-head-dim
    linear-num-key-heads linear-num-value-heads mup-base-hidden-size recompute-num-layers fp8-margin
    fp8-interval fp8-amax-history-len num-layers-at-start-in-bf16 num-layers-at-end-in-bf16
    moe-shared-expert-intermediate-size moe-shared-expert-glu-interleave-size moe-ffn-hidden-size
    moe-router-topk moe-router-num-groups moe-router-group-topk moe-latent-size moe-flex-dispatcher-num-sms
    moe-deepep-num-sms moe-hybridep-num-sms moe-hybridep-num-blocks-permute
    moe-hybridep-num-blocks-unpermute moe-hybridep-num-sms-preprocessing moe-mlp-glu-interleave-size
    cuda-graph-warmup-steps mhc-num-residual-streams mhc-sinkhorn-iterations mhc-recompute-layer-num
    mamba-state-dim mamba-head-dim mamba-num-groups mamba-num-heads gdp-num-householder
    gdp-num-chunk-states-to-recompute mlp-chunks-for-prefill mlp-chunks-for-training
    min-offloaded-tensor-size delta-offload-bytes-across-pp-ranks moe-paged-stash-page-size
    fine-grained-offloading-max-inflight-offloads encoder-num-layers decoder-num-layers
    max-position-embeddings yarn-original-max-position-embeddings relative-attention-num-buckets
    relative-attention-max-distance rotary-base rotary-seq-len-interpolation-factor
    make-vocab-size-divisible-by muon-num-ns-steps profile-step-start profile-step-end micro-batch-size
    global-batch-size empty-unused-memory-level check-weight-hash-across-dp-replicas-interval
    gpu-sniff-test-interval train-sync-interval train-iters train-samples exit-interval
    exit-duration-in-mins manual-gc-interval batch-size rl-prompts-per-eval grpo-prompts-per-step
    grpo-group-size rl-max-inflight-requests rl-rollout-bank-max-bytes grpo-iterations rl-default-top-k
    rl-sequence-packing-max-sequences-per-bin rl-inference-tensor-model-parallel-size
    rl-inference-pipeline-model-parallel-size rl-inference-expert-model-parallel-size
    rl-inference-expert-tensor-model-parallel-size rl-inference-model-unified-memory-level seed
    lr-decay-iters lr-decay-samples lr-wsd-decay-iters lr-wsd-decay-samples lr-warmup-iters
    lr-warmup-samples warmup save-interval/persistent-save-interval save-params-interval
    save-activations-interval save-tokens-per-expert-interval save-wgrads-interval save-dgrads-interval
    save-retain-interval non-persistent-save-interval ckpt-step async-ckpt-cpu-priority
    async-ckpt-io-priority replication-jump replication-factor override-ckpt-iteration dist-ckpt-workers
    hysteresis distributed-timeout-minutes local-rank distributed-timeout-seconds-after-init
    flight-recorder-trace-buffer-size decoder-first-pipeline-num-layers decoder-last-pipeline-num-layers
    model-parallel-size num-layers-per-virtual-pipeline-stage num-virtual-stages-per-pipeline-rank
    ddp-num-buckets ddp-bucket-size megatron-fsdp-version suggested-communication-unit-size
    num-distributed-optimizer-instances eval-iters eval-interval start-eval-at-iter eval-global-batch-size
    eval-micro-batch-size seq-length encoder-seq-length decoder-seq-length num-workers
    num-dataset-builder-threads vocab-size padded-vocab-size vocab-extra-ids tiktoken-num-special-tokens
    null-tokenizer-eod-id null-tokenizer-pad-id adlr-autoresume-interval ict-head-size
    biencoder-projection-dim indexer-batch-size indexer-log-interval num-classes img-h img-w num-channels
    patch-dim iter-per-epoch dino-local-img-size dino-local-crops-number dino-head-hidden-size
    dino-bottleneck-size dino-warmup-teacher-temp-epochs num-experts moe-upcycling-granularity q-lora-rank
    kv-lora-rank qk-head-dim qk-pos-emb-head-dim v-head-dim log-interval timing-log-level
    tensorboard-log-interval tensorboard-queue-size log-memory-interval logging-level
    moe-routing-trace-max-training-iters logits-save-top-k logits-save-top-p-min-k
    logits-load-decode-threads logits-load-prefetch-factor logits-load-msc-prefetch-depth
    straggler-ctrlr-port straggler-minmax-count inference-batch-times-seqlen-threshold max-tokens-to-oom
    inference-max-requests inference-max-seq-length inference-dynamic-batching-block-size
    inference-dynamic-batching-max-requests inference-dynamic-batching-max-tokens
    inference-dynamic-batching-num-cuda-graphs inference-cuda-graph-max-tokens
    inference-dynamic-batching-unified-memory-level num-speculative-tokens
    inference-dynamic-batching-cuda-graph-mixed-prefill-count inference-logging-step-interval
    inference-coordinator-port inprocess-max-iterations inprocess-active-world-size ft-num-warmup-iters
    error-injection-rate fault-injector-num-ranks fault-injector-delay-start-iteration fault-injector-seed
  `,
  texts: `
    pipeline-model-parallel-comm-backend cross-entropy-fusion-impl tp-comm-bootstrap-backend
    mtp-hybrid-override-pattern attention-backend softmax-type normalization experimental-attention-variant
    dsa-kernel-backend recompute-granularity recompute-method fp8-format fp8-recipe fp8-quantizer-factory
    fp8-amax-compute-algo kitchen-attention-backend fp4-format fp4-recipe fp4-quantizer-factory
    moe-router-score-function moe-router-dtype moe-token-dispatcher-type moe-flex-dispatcher-backend
    moe-token-drop-policy moe-dispatch-fwd-dtype moe-combine-bwd-dtype cuda-graph-impl
    inference-cuda-graph-scope config-logger-dir batch-invariant-backend symmetric-ar-type
    inference-grouped-gemm-backend inference-moe-token-dispatcher-type transformer-impl window-size
    window-attn-skip-freq position-embedding-type no-rope-freq onnx-safe muon-scale-mode
    muon-fp32-matmul-prec muon-coefficient-type muon-tp-mode muon-scalar-optimizer no-weight-decay-cond-type
    memory-snapshot-path step-batch-size-schedule exit-signal result-rejected-tracker-filename
    tp-comm-overlap-cfg rope-type optimizer dump-param-to-param-group-map dataloader-type
    rl-submission-granularity rl-consumption-granularity rl-rollout-bank-dir langrl-env-config
    rl-kv-cache-management-mode rl-sequence-packing-algo refit-method rl-profile-dir lr-decay-style
    lr-wsd-decay-style weight-decay-incr-style save load non-persistent-ckpt-type
    non-persistent-global-ckpt-dir non-persistent-local-ckpt-dir non-persistent-local-ckpt-algo
    pretrained-checkpoint ckpt-format ckpt-convert-format ckpt-convert-save async-strategy
    ckpt-fully-parallel-load-exchange-algo ckpt-fully-parallel-save-process-group
    ckpt-fully-parallel-load-process-group ckpt-pg-tensors-cache-path dist-ckpt-strictness dist-ckpt-format
    output-logit-dtype mamba-training-ssm-states-dtype distributed-backend nccl-communicator-config-path
    sharp-enabled-group flight-recorder-dump-path pipeline-model-parallel-layout
    data-parallel-sharding-strategy outer-dp-sharding-strategy phase-transition-iterations split
    data-args-path per-split-data-args-path per-dataset-sequences-path data-cache-path
    object-storage-cache-path fim-split-sample fim-no-prefix fim-prefix-token fim-middle-token
    fim-suffix-token fim-pad-token fim-eod-token vocab-file merge-file tokenizer-type tokenizer-model
    tokenizer-metadata tiktoken-pattern chat-template ict-load bert-load titles-data-path evidence-data-path
    block-data-path embedding-path vision-pretraining-type vision-backbone-type swin-backbone-type mask-type
    moe-layer-freq linear-attention-freq heterogeneous-layers-config-path
    heterogeneous-layers-config-encoded-json timing-log-option tensorboard-dir wandb-project wandb-exp-name
    wandb-save-dir wandb-entity moe-routing-trace-path otel-service-name otel-span-groups logits-save-dir
    logits-save-dtype logits-load-dir bert-embedder-type
    inference-dynamic-batching-prefix-caching-eviction-policy
    inference-dynamic-batching-prefix-caching-coordinator-policy
    inference-dynamic-batching-cuda-graph-sizing-distribution inference-dynamic-batching-sampling-backend
    inference-dynamic-batching-async-sched-mode inference-dynamic-batching-logprobs-mode
    mamba-inference-conv-states-dtype mamba-inference-ssm-states-dtype inference-shards
    te-precision-config-file hybrid-layer-pattern hybrid-override-pattern yaml-cfg main-grads-dtype
    main-params-dtype exp-avg-dtype exp-avg-sq-dtype megatron-fsdp-main-params-dtype
    megatron-fsdp-main-grads-dtype megatron-fsdp-grad-comm-dtype one-logger-project one-logger-run-name
    app-tag-run-name app-tag-run-version inprocess-granularity error-injection-type rerun-mode
    sft-tokenizer-prompt-format fault-injector-ranks fault-injector-fault-types
    fault-injector-fault-probabilities
  `,
  switches: `
    sequence-parallel hybrid-context-parallel no-initialization use-cpu-initialization fp16 bf16
    deterministic-mode tp-comm-overlap no-tp-comm-bulk-wgrad/disable-tp-comm-bulk-wgrad
    no-tp-comm-bulk-dgrad/disable-tp-comm-bulk-dgrad no-tp-comm-overlap-ag/disable-tp-comm-overlap-ag
    no-tp-comm-overlap-rs/disable-tp-comm-overlap-rs tp-comm-overlap-rs-dgrad
    no-tp-comm-split-ag/disable-tp-comm-split-ag no-tp-comm-split-rs/disable-tp-comm-split-rs
    cross-entropy-loss-fusion overlap-moe-expert-parallel-comm delay-wgrad-compute
    overlap-dispatch-backward-with-experts-wgrad ep-overlap-early-attn-memory-release use-ring-exchange-p2p
    defer-embedding-wgrad-compute overlap-p2p-communication-warmup-flush mtp-standalone
    cpu-offloading-retain-pinned-cpu-buffers mtp-use-repeated-layer mtp-detach-heads mtp-hsm
    account-for-embedding-in-pipeline-split account-for-loss-in-pipeline-split fp32-residual-connection
    apply-residual-connection-post-layernorm apply-layernorm-1p disable-bias-linear add-qkv-bias
    rotary-interleaved qk-layernorm qk-l2-norm qk-clip attention-output-gate calculate-per-token-loss
    multi-latent-attention dsa-indexer-use-sparse-loss dsa-indexer-rope-interleaved
    no-dsa-indexer-rotate-activation/disable-dsa-indexer-rotate-activation
    no-dsa-indexer-scoring-relu/disable-dsa-indexer-scoring-relu dsa-indexer-k-norm-fp32
    init-model-with-meta-device use-mup apply-query-key-layer-scaling disable-bf16-reduced-precision-matmul
    use-fused-weighted-squared-relu fused-residual-rmsnorm use-transformer-engine-op-fuser
    distribute-saved-activations no-fp8-wgrad/disable-fp8-wgrad fp8-output-proj first-last-layers-bf16
    use-kitchen-attention high-priority-a2a-comm-stream moe-shared-expert-gate moe-shared-expert-overlap
    use-grouped-gemm-for-shared-expert moe-enable-routing-replay moe-router-padding-for-quantization
    moe-router-padding-for-fp8 moe-router-pre-softmax moe-router-enable-expert-bias
    moe-router-force-load-balancing use-grouped-gemm-for-dense-mlp moe-grouped-gemm moe-use-grouped-tensor
    moe-single-grouped-weight moe-single-grouped-bias moe-enable-deepep moe-permute-fusion-into-hybridep
    moe-hybridep-pad-uneven-dispatch-inputs moe-per-layer-logging moe-pad-expert-input-to-capacity
    moe-pad-experts-for-cuda-graph-inference moe-layer-recompute moe-permute-fusion moe-router-fusion
    moe-apply-probs-on-input moe-ncclep-zero-copy enable-cuda-graph external-cuda-graph
    enable-mhc-connections no-clone-scatter-output-in-embedding/disable-clone-scatter-output-in-embedding
    flash-decode batch-invariant-mode use-te-activation-func nccl-all-reduce-for-prefill
    inference-fuse-tp-communication inference-disable-triton-nvls-kernels
    inference-moe-disable-fused-quant-kernels is-hybrid-model disable-mamba-mem-eff-path gdp-cutedsl-kernel
    fine-grained-activation-offloading delay-offload-until-cuda-graph moe-paged-stash group-query-attention
    yarn-correction-range-round-to-int no-yarn-correction-range-round-to-int use-rotary-position-embeddings
    use-rope-scaling no-position-embedding openai-gelu squared-relu swiglu quick-geglu bert-no-binary-head
    untie-embeddings-and-output-weights apply-wd-to-qk-layernorm muon-no-split-qkv muon-nesterov
    muon-use-syrk profile use-pytorch-profiler pytorch-profiler-collect-shapes
    pytorch-profiler-collect-callstack pytorch-profiler-collect-chakra record-memory-history record-shapes
    nvtx-ranges decrease-batch-size-if-needed exit-signal-handler exit-signal-handler-for-dataloader
    exit-signal-handler-for-training manual-gc no-manual-gc-eval/disable-manual-gc-eval
    recompute-activations no-check-for-nan-in-loss-and-grad check-for-large-grads checkpoint-activations
    no-masked-softmax-fusion no-bias-gelu-fusion no-bias-swiglu-fusion no-bias-dropout-fusion no-rope-fusion
    use-flash-attn optimizer-cpu-offload optimizer-cuda-graph use-torch-optimizer-for-cpu-offload
    overlap-cpu-optimizer-d2h-h2d no-pin-cpu-grads no-pin-cpu-params no-persist-layer-norm
    no-gradient-accumulation-fusion use-mcore-models perform-rl-step rl-durable-rollout-bank
    grpo-filter-groups-with-same-reward rl-offload-optimizer-during-inference
    rl-persist-cuda-graphs/no-rl-persist-cuda-graphs rl-partial-rollouts/no-rl-partial-rollouts
    rl-inference-logprobs-is-correction/no-rl-inference-logprobs-is-correction
    rl-use-sequence-packing/no-rl-use-sequence-packing rl-training-cuda-graphs/no-rl-training-cuda-graphs
    rl-offload-inference-model-weights-when-idle/no-rl-offload-inference-model-weights-when-idle
    rl-verify-model-weights-swap/no-rl-verify-model-weights-swap rl-skip-bos-token/no-rl-skip-bos-token
    rl-profile te-rng-tracker inference-rng-tracker data-parallel-random-init init-method-xavier-uniform
    override-opt_param-scheduler/override-opt-param-scheduler
    use-checkpoint-opt_param-scheduler/use-checkpoint-opt-param-scheduler freeze-all-layers
    load-main-params-from-ckpt finetune use-checkpoint-args use-mp-args-from-checkpoint-args
    no-use-tokenizer-model-from-checkpoint-args/disable-use-tokenizer-model-from-checkpoint-args
    exit-on-missing-checkpoint auto-detect-ckpt-format ckpt-convert-update-legacy-dist-opt-format
    no-ckpt-fully-parallel-save async-save use-persistent-ckpt-worker async-ckpt-use-cpu-shm
    ckpt-fully-parallel-load ckpt-fully-parallel-load-per-rank-objects ckpt-assume-constant-structure
    ckpt-pg-tensors-cache-create
    no-ckpt-load-validate-sharding-integrity/disable-ckpt-load-validate-sharding-integrity
    no-strict-fsdp-dtensor-load/disable-strict-fsdp-dtensor-load dist-ckpt-save-pre-mcore-014
    dist-ckpt-optim-fully-reshardable distrib-optim-fully-reshardable-mem-efficient
    no-save-tokenizer-assets/disable-save-tokenizer-assets replication verify-integrity no-save-optim
    no-save-rng no-load-optim no-load-rng use-dist-ckpt ckpt-fully-parallel-save
    ckpt-drop-redundant-extra-state grad-reduce-in-bf16 attention-softmax-in-fp32
    accumulate-allreduce-grads-in-fp32 fp16-lm-cross-entropy reuse-grad-buf-for-mxfp8-param-ag
    no-align-grad-reduce/disable-align-grad-reduce lazy-mpu-init use-megatron-fsdp use-torch-fsdp2
    use-tp-pp-dp-mapping disable-gloo-process-groups use-sharp
    no-flight-recorder-dump-on-timeout/disable-flight-recorder-dump-on-timeout
    flight-recorder-include-stack-trace
    no-flight-recorder-include-only-active/disable-flight-recorder-include-only-active
    no-flight-recorder-extra-dump-on-exec/disable-flight-recorder-extra-dump-on-exec disable-jit-fuser
    no-overlap-p2p-communication overlap-grad-reduce ddp-pad-buckets-for-high-nccl-busbw
    ddp-reduce-scatter-with-fp32-accumulation gtp-remat-reduce-scatter-with-fp32-accumulation
    ddp-average-in-collective overlap-param-gather overlap-param-gather-with-optimizer-step
    no-align-param-gather use-distributed-optimizer no-use-layer-wise-param-layout use-nccl-ub
    disable-symmetric-registration gtp-remat-nccl-ub gtp-expert-remat-nccl-ub fsdp-manual-registration
    create-all-gather-group no-gradient-reduce-div-fusion fsdp-double-buffer keep-fp8-transpose-cache
    enable-full-sharding-in-hsdp torch-fsdp2-no-reshard-after-forward fake-process-group skip-train
    test-mode full-validation multiple-validation-sets dataloader-fast-cache-load
    dataloader-defer-npy-index-mmap no-mmap-bin-files mock-data reset-position-ids reset-attention-mask
    dataloader-inter-document-masking eod-mask-loss no-create-attention-mask-in-dataloader
    allow-ambiguous-pad-tokens fim-data no-pad-vocab-size/disable-pad-vocab-size
    tokenizer-sentencepiece-legacy
    no-tokenizer-sentencepiece-ignore-extra-whitespaces/disable-tokenizer-sentencepiece-ignore-extra-whitespaces
    tokenizer-hf-no-use-fast tokenizer-hf-no-include-special-tokens trust-remote-code use-gigatoken
    adlr-autoresume biencoder-shared-query-context-model use-one-sent-docs retriever-score-scaling
    no-data-sharding vision-pretraining dino-norm-last-layer moe-use-upcycling cache-mla-latents
    mla-down-proj-fusion log-params-norm log-throughput log-progress log-timers-to-tensorboard
    no-log-loss-scale-to-tensorboard/disable-log-loss-scale-to-tensorboard log-validation-ppl-to-tensorboard
    log-memory-to-tensorboard log-device-memory-used log-num-zeros-in-grad log-max-attention-logit
    no-barrier-with-level-1-timing log-world-size-to-tensorboard log-energy moe-routing-trace-capture-logits
    moe-routing-trace-capture-hidden-states moe-routing-trace-dump-weights otel-enabled
    logits-load-ignore-errors log-straggler disable-straggler-on-startup run-workload-inspector-server
    output-bert-embeddings use-legacy-static-engine inference-dynamic-batching
    inference-dynamic-batching-track-paused-request-events
    inference-dynamic-batching-track-generated-token-events decode-only-cuda-graphs
    inference-cuda-graph-all-prefills enable-chunked-prefill
    inference-dynamic-batching-prefix-caching/no-inference-dynamic-batching-prefix-caching
    use-same-sampling-seed-across-dp-ranks
    inference-text-gen-server-logging/no-inference-text-gen-server-logging
    inference-wandb-logging/no-inference-wandb-logging
    inference-use-synchronous-zmq-collectives/no-inference-use-synchronous-zmq-collectives
    inference-disable-ep-consensus/no-inference-disable-ep-consensus fp4-param-gather fp8-param-gather
    enable-experimental use-precision-aware-optimizer megatron-fsdp-enable-fine-grained-param-gather
    megatron-fsdp-max-pool-double-buffer fsdp-db-use-persist-buf-on-alloc-fail no-one-logger
    one-logger-async inprocess-restart inprocess-empty-cuda-cache enable-ft-package calc-ft-timeouts
    check-for-spiky-loss enable-msc disable-msc sft
  `,
  integerLists: `
    hierarchical-context-parallel-sizes mrope-section profile-ranks iterations-to-skip
    retriever-report-topk-accuracies
  `,
  numbers: `
    mtp-loss-scaling-factor hidden-dropout attention-dropout norm-epsilon glu-linear-offset
    activation-func-clamp-value qk-clip-alpha qk-clip-threshold dsa-indexer-loss-coeff
    dsa-indexer-k-norm-epsilon init-method-std embedding-init-method-std mup-width-mult mup-embedding-mult
    mup-output-mult mup-base-head-dim mup-attn-scale-power moe-router-topk-scaling-factor
    moe-router-bias-update-rate moe-router-quantile-balancing-ema moe-router-force-biased moe-z-loss-coeff
    moe-input-jitter-eps moe-expert-capacity-factor moe-expert-rank-capacity-factor mhc-init-gating-factor
    activation-offload-fraction moe-paged-stash-buffer-size-factor-cuda
    moe-paged-stash-buffer-size-factor-cpu yarn-beta-fast yarn-beta-slow rotary-percent rope-scaling-factor
    weight-decay clip-grad adam-beta1 adam-beta2 adam-eps sgd-momentum muon-momentum muon-extra-scale-factor
    lion-beta1 lion-beta2 optimizer-offload-fraction rl-generation-lag grpo-clamp-eps-lower
    grpo-clamp-eps-upper grpo-kl-beta grpo-entropy-term-weight rl-default-temperature rl-default-top-p
    rl-importance-sampling-truncation-coef lr-warmup-fraction lr-warmup-init start-weight-decay
    end-weight-decay lr min-lr decoupled-lr decoupled-min-lr loss-scale initial-loss-scale min-loss-scale
    loss-scale-window sample-rate mask-prob short-seq-prob mid-level-dataset-surplus fim-rate fim-spm-rate
    fim-fragment-rate query-in-block-prob classes-fraction data-per-class-fraction head-lr-mult mask-factor
    dino-freeze-last-layer dino-warmup-teacher-temp dino-teacher-temp rotary-scaling-factor mscale
    mscale-all-dim logits-save-top-p logits-load-kd-loss-alpha inference-dynamic-batching-buffer-size-gb
    inference-dynamic-batching-paused-buffer-size-gb inference-dynamic-batching-mamba-memory-ratio
    inference-dynamic-batching-prefix-caching-routing-alpha
    inference-dynamic-batching-prefix-caching-mamba-gb inprocess-monitor-thread-interval
    inprocess-monitor-process-interval inprocess-progress-watchdog-interval inprocess-heartbeat-interval
    inprocess-soft-timeout inprocess-hard-timeout inprocess-heartbeat-timeout inprocess-barrier-timeout
    inprocess-completion-timeout inprocess-last-call-wait inprocess-termination-grace-time
    fault-injector-fault-delay fault-injector-mtti-seconds fault-injector-offset-seconds
  `,
  textLists: `
    recompute-modules gtp-remat-opt-in-modules offload-modules rl-inference-parsers
    high-priority-stream-groups ddp-param-name-patterns-for-fp32-local-accumulation cp-comm-type
    validation-set-names data-path train-data-path valid-data-path test-data-path tokenizer-special-tokens
    moe-router-load-balancing-type cuda-graph-scope cuda-graph-modules spec
  `,
  integerTriples: `
    rampup-batch-size
  `,
  numberLists: `
    moe-aux-loss-coeff
  `,
} as const;
