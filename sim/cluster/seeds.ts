/** Seeds that begin so are clusters. */
export const clusterSeed = "cluster-";
