/** Names of the operators of the default ONNX domain. */

const words = (text: string): string[] => text.trim().split(/\s+/)

/** Operators that opset 17 has: what `exportOnnx` may write. */
const opset17: ReadonlySet<string> = new Set(
  words(`
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BitShift BlackmanWindow Cast
    CastLike Ceil Celu Clip Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
    DFT DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU
    Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample HammingWindow
    HannWindow HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
    MeanVarianceNormalization MelWeightMatrix Min Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot
    Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range
    Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
    Reshape Resize ReverseSequence RoiAlign Round STFT Scan Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh
    Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile
    TopK Transpose Trilu Unique Unsqueeze Where Xor`),
)

/** Operators that came after opset 17 (up to 22), and one that went before it. */
const others: ReadonlySet<string> = new Set(
  words(
    'AffineGrid BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im Gelu GroupNormalization ImageDecoder Mish RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer Upsample',
  ),
)

/** Operators whose body is a graph of its own or whose values are not tensors: never imported. */
const control: ReadonlySet<string> = new Set(
  words(
    'If Loop Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence Optional OptionalGetElement OptionalHasElement',
  ),
)

export const isControl = (op: string): boolean => control.has(op)
export const isExportable = (op: string): boolean => opset17.has(op)
export const isOperator = (op: string): boolean => opset17.has(op) || others.has(op)
