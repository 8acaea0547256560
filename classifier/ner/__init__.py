"""Named entities: a BiLSTM with a CRF, trained in torch, served by ONNX Runtime and NumPy alone."""
