/** How far a set of images is from another: features of Inception-v3, and the distances computed from features. */
export {};
